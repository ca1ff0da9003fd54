package splunk

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

const testToken = "canary-2f0c71b5-5d0e-4c57"

// hec is a collector that behaves as Splunk 10.4 does, and worse when told.
type hec struct {
	mu       sync.Mutex
	token    string
	disabled bool            // the token is
	noAcks   bool            // the token has no acknowledgments
	indexes  map[string]bool // that the token may write to; nil: all
	never    bool            // no acknowledgment is ever given
	later    int             // polls that are answered false before each true
	script   []step          // what happens to the next requests
	channels map[string]*hecChannel
	events   []event // indexed, in their order
	posts    []post
	polls    int
}

// step answers a request instead of the collector, or after it.
type step struct {
	path   string // that the request ends in
	after  bool   // the collector does its work first
	answer func(w http.ResponseWriter)
}

type hecChannel struct {
	next  int
	asked map[int]int // polls of acknowledgments that wait
}

type event struct {
	text string // of the event, as JSON
	post int    // which of the posts it came with
	envelope
}

type envelope struct {
	Host, Source, Sourcetype, Index string
	Time                            json.Number
	Fields                          map[string]any
	Event                           json.RawMessage
}

// post is a request with events.
type post struct {
	path, channel, requestID, encoding string
	body                               []byte
}

func newHEC() *hec { return &hec{token: testToken, channels: map[string]*hecChannel{}} }

// says is a step that answers a post.
func says(status int, body string) step {
	return step{path: "/event", answer: func(w http.ResponseWriter) { reply(w, status, body) }}
}

func reply(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// restart forgets what a collector keeps in memory.
func (h *hec) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.channels = map[string]*hecChannel{}
}

// set changes a setting.
func (h *hec) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

func (h *hec) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, s := range h.script {
		if strings.HasSuffix(r.URL.Path, s.path) {
			h.script = append(h.script[:i:i], h.script[i+1:]...)
			if s.after {
				h.serve(httptest.NewRecorder(), r)
			}
			s.answer(w)
			return
		}
	}
	h.serve(w, r)
}

func (h *hec) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/services/collector/health" {
		reply(w, 200, `{"text":"HEC is healthy","code":17}`)
		return
	}
	switch auth := r.Header.Get("Authorization"); {
	case auth == "":
		reply(w, 401, `{"text":"Token is required","code":2}`)
		return
	case auth != "Splunk "+h.token:
		reply(w, 403, `{"text":"Invalid token","code":4}`)
		return
	case h.disabled:
		reply(w, 403, `{"text":"Token disabled","code":1}`)
		return
	}
	channel := r.Header.Get(channelHeader)
	if channel == "" && !h.noAcks {
		reply(w, 400, `{"text":"Data channel is missing","code":10}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	switch r.URL.Path {
	case "/services/collector/ack":
		h.ack(w, channel, body)
	case "/services/collector/event", "/services/collector/raw":
		h.take(w, r, channel, body)
	default:
		reply(w, 404, `{"text":"The requested URL was not found on this server.","code":404}`)
	}
}

func (h *hec) channel(name string) *hecChannel {
	c := h.channels[name]
	if c == nil {
		c = &hecChannel{asked: map[int]int{}}
		h.channels[name] = c
	}
	return c
}

func (h *hec) ack(w http.ResponseWriter, channel string, body []byte) {
	if h.noAcks {
		reply(w, 400, `{"text":"ACK is disabled","code":14}`)
		return
	}
	var question struct{ Acks []int }
	if json.Unmarshal(body, &question) != nil {
		reply(w, 400, `{"text":"Invalid data format","code":6}`)
		return
	}
	h.polls++
	c, acks := h.channel(channel), map[string]bool{}
	for _, id := range question.Acks {
		asked, waits := c.asked[id]
		c.asked[id]++
		indexed := waits && asked >= h.later && !h.never
		if !waits || indexed { // a true is given once
			delete(c.asked, id)
		}
		acks[strconv.Itoa(id)] = indexed
	}
	text, _ := json.Marshal(map[string]any{"acks": acks})
	reply(w, 200, string(text))
}

func (h *hec) take(w http.ResponseWriter, r *http.Request, channel string, body []byte) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(unpacked)
		}
		if err != nil {
			reply(w, 400, `{"text":"Invalid data format","code":6}`)
			return
		}
	}
	h.posts = append(h.posts, post{r.URL.RequestURI(), channel, r.Header.Get("X-Request-Id"), r.Header.Get("Content-Encoding"), body})
	taken, refusal := h.index(r, body)
	ackID := ""
	if taken > 0 && !h.noAcks && channel != "" {
		c := h.channel(channel)
		ackID = fmt.Sprintf(`,"ackId":%d`, c.next)
		c.asked[c.next] = 0
		c.next++
	}
	switch {
	case refusal != "":
		reply(w, 400, refusal+ackID+"}")
	case taken == 0:
		reply(w, 400, `{"text":"No data","code":5}`)
	default:
		reply(w, 200, `{"text":"Success","code":0`+ackID+"}")
	}
}

// index takes the events of a request until one is wrong. The refusal lacks
// its closing brace.
func (h *hec) index(r *http.Request, body []byte) (taken int, refusal string) {
	if strings.HasSuffix(r.URL.Path, "/raw") {
		for line := range strings.Lines(string(body)) {
			if line = strings.TrimSuffix(line, "\n"); strings.TrimSpace(line) != "" {
				q := r.URL.Query()
				h.events = append(h.events, event{line, len(h.posts), envelope{Index: q.Get("index"), Source: q.Get("source"), Sourcetype: q.Get("sourcetype"), Host: q.Get("host")}})
				taken++
			}
		}
		return taken, ""
	}
	wrong := func(code int, text string) (int, string) {
		n := taken
		if code == 7 {
			n++
		}
		return taken, fmt.Sprintf(`{"text":%q,"code":%d,"invalid-event-number":%d`, text, code, n)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		var members map[string]json.RawMessage
		if err := d.Decode(&members); err == io.EOF {
			return taken, ""
		} else if err != nil {
			return wrong(6, "Invalid data format")
		}
		for name := range members {
			if !strings.Contains(" event time host source sourcetype index fields ", " "+name+" ") {
				return taken, "" // the rest is dropped in silence
			}
		}
		var e envelope
		text, _ := json.Marshal(members)
		if err := json.Unmarshal(text, &e); err != nil {
			return wrong(6, "Invalid data format")
		}
		switch value := strings.TrimSpace(string(e.Event)); {
		case members["event"] == nil:
			return wrong(12, "Event field is required")
		case value == "null", value == "false":
			return wrong(6, "Invalid data format")
		case value[0] == '"' && strings.TrimSpace(value[1:len(value)-1]) == "":
			return wrong(13, "Event field cannot be blank")
		case h.indexes != nil && !h.indexes[e.Index]:
			return wrong(7, "Incorrect index")
		}
		for _, v := range e.Fields {
			if _, nested := v.(map[string]any); nested {
				return wrong(15, "Error in handling indexed fields")
			}
		}
		h.events = append(h.events, event{string(e.Event), len(h.posts), e})
		taken++
	}
}

// texts returns the events without repeats: those of an event with the same
// identity, or of a request with the same identity.
func (h *hec) texts() (texts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen, first := map[any]bool{}, map[string]int{}
	for _, e := range h.events {
		id, request := e.Fields[testID], h.posts[e.post-1].requestID
		if _, known := first[request]; !known {
			first[request] = e.post
		}
		if id != nil && seen[id] || id == nil && first[request] != e.post {
			continue
		}
		seen[id] = true
		texts = append(texts, e.text)
	}
	return texts
}

const testID = "hydrant_id"

// testConfig is for a collector at a URL, with failed events in a folder.
func testConfig(t testing.TB, url string) *Config {
	c := Default().(*Config)
	c.HECEndpoint = url
	c.HECToken = field.NewSecret(testToken)
	c.Event.IDField = testID
	c.S3Backup.Bucket = "file://" + t.TempDir()
	c.S3Backup.ErrorOutputPrefix = "errors/!{firehose:error-output-type}/"
	return c
}

// open makes the sink of a configuration.
func open(t testing.TB, c *Config) *Sink {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatalf("Validate: %v", err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { to.Close() })
	return to.Destination.(*Sink)
}

// direct opens a sink whose requests are calls of collectors, by host, so that
// they happen in virtual time.
func direct(t testing.TB, c *Config, hosts map[string]http.Handler) *Sink {
	t.Helper()
	s := open(t, c)
	s.client.Transport = hostTransport(hosts)
	return s
}

type hostTransport map[string]http.Handler

func (t hostTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	h := t[r.URL.Host]
	if h == nil {
		return nil, fmt.Errorf("no host %s", r.URL.Host)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil {
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// payload makes the payload of records.
func payload(t testing.TB, s *Sink, records ...string) *sinks.Payload {
	t.Helper()
	var spool sinktest.Spool
	c := sinktest.Chunk(records...)
	w := s.Batch(&spool)
	if err := w.Add(c, sinktest.AllRows(c)); err != nil {
		t.Fatalf("Add: %v", err)
	}
	payloads, err := w.Seal(sinktest.Plan(c))
	if err != nil || len(payloads) != 1 {
		t.Fatalf("Seal: %d payloads, %v", len(payloads), err)
	}
	spool.Load(payloads)
	return &payloads[0]
}
