package splunk

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks"
)

// fates tells the kinds of the items of an error: r for those that are tried
// again, b for bad ones, - for delivered ones.
func fates(p *sinks.Payload, err error) string {
	all := []byte(strings.Repeat("-", len(p.Seqs)))
	for _, it := range sinks.AsError(err).Items {
		all[it.Row] = map[sinks.Kind]byte{sinks.Retryable: 'r', sinks.BadRecord: 'b'}[it.Kind]
	}
	return string(all)
}

const nested = `{"event":"x","fields":{"a":{"b":1}}}` // Splunk refuses it

// A bad event costs only itself, and none of those before it is repeated.
func TestNamedEventIsTheOnlyOneThatFails(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.later = 2
		p := payload(t, s, "0", "1", nested, "3", "4")
		err := s.Send(t.Context(), p)
		if got := fates(p, err); got != "--brr" {
			t.Fatalf("fates %q: %v", got, err)
		}
		e := sinks.AsError(err)
		bad := e.Items[0]
		if bad.Code != codeFormat || !strings.Contains(bad.Message, "indexed fields") || e.Kind != sinks.BadRecord {
			t.Errorf("%+v", e)
		}
		if got := s.Describe(p, bad.Row); got != `"EventId":"3.0"` {
			t.Errorf("described as %s", got)
		}
		if diff := cmp.Diff([]string{`"0"`, `"1"`}, h.texts()); diff != "" {
			t.Error(diff)
		}
		rest := part(p, 3, 5)
		sent(t, s, rest, 0, "")
		h.indexed(t, 4)
	})
}

// What is not acknowledged does not count, whatever the answer suggests.
func TestEventsBeforeABadOneAreOnlyDeliveredWhenAcknowledged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.never = true
		p := payload(t, s, "0", nested, "2")
		if got := fates(p, s.Send(t.Context(), p)); got != "rbr" {
			t.Errorf("fates %q", got)
		}
	})
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) { // as the OpenTelemetry collector does
		h.script = []step{says(400, `{"text":"Error in handling indexed fields","code":15,"invalid-event-number":1}`)}
		p := payload(t, s, "0", nested, "2")
		if got := fates(p, s.Send(t.Context(), p)); got != "rbr" {
			t.Errorf("fates %q", got)
		}
	})
	bubble(t, func(c *Config) { c.HECAcknowledgments = NoAcknowledgments }, func(t *testing.T, h *hec, s *Sink) {
		h.noAcks = true
		p := payload(t, s, "0", nested, "2")
		if got := fates(p, s.Send(t.Context(), p)); got != "rbr" {
			t.Errorf("fates %q", got)
		}
	})
}

func TestUnnamedBadEventIsSearchedFor(t *testing.T) {
	for _, body := range []string{
		`{"text":"Invalid data format","code":6}`,
		`{"text":"No data","code":5}`,
		`{"text":"Invalid data format","code":6,"invalid-event-number":17}`,
	} {
		bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
			h.script = []step{says(400, body), says(400, body)}
			e := sent(t, s, payload(t, s, "0", "1"), sinks.Bisect, codeFormat)
			if e.Items != nil {
				t.Errorf("items %v", e.Items)
			}
			sent(t, s, payload(t, s, "0"), sinks.BadRecord, codeFormat)
		})
	}
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		h.script = []step{says(413, ``)}
		sent(t, s, payload(t, s, "0", "1"), sinks.Bisect, codeTooLarge)
	})
}

func TestWrongIndexIsTheFaultOfWhoChoseIt(t *testing.T) {
	own := func(index string) string { return fmt.Sprintf(`{"index":%q,"event":"x"}`, index) }
	for _, test := range []struct {
		name    string
		index   string // configured
		kind    EndpointType
		records []string
		want    string // fates; "held" for Permanent
	}{
		{"the token's", "", EventEndpoint, []string{"a", "b"}, "held"},
		{"the configured one", "missing", EventEndpoint, []string{"a", "b"}, "held"},
		{"the configured one, with one record", "missing", EventEndpoint, []string{"a"}, "held"},
		{"the configured one, raw", "missing", RawEndpoint, []string{"a", "b"}, "held"},
		{"the record's", "main", EventEndpoint, []string{"a", own("missing"), "c"}, "-br"},
		{"the record's, alone", "main", EventEndpoint, []string{own("missing")}, "b"},
		{"the record's by path", ".to", EventEndpoint, []string{`{"to":"main"}`, `{"to":"missing"}`, `{"to":"main"}`}, "-br"},
		{"the record's, and it is the configured one", "missing", EventEndpoint, []string{own("missing")}, "held"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(c *Config) {
				c.Event.Index = test.index
				if c.HECEndpointType = test.kind; test.kind == RawEndpoint {
					c.Event.IDField = ""
				}
			}, func(t *testing.T, h *hec, s *Sink) {
				h.indexes = map[string]bool{"main": true}
				if test.kind == RawEndpoint {
					h.script = []step{{path: "/raw", answer: func(w http.ResponseWriter) { reply(w, 400, `{"text":"Incorrect index","code":7}`) }}}
				}
				p := payload(t, s, test.records...)
				err := s.Send(t.Context(), p)
				e := sinks.AsError(err)
				got := fates(p, err)
				switch {
				case e.Kind == sinks.Permanent && strings.Contains(e.Hint, "event.index"):
					got = "held"
				case e.Kind == sinks.BadRecord && e.Items == nil:
					got = strings.Repeat("b", len(p.Seqs))
				}
				if got != test.want {
					t.Errorf("%s, want %s: %v", got, test.want, err)
				}
			})
		})
	}
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) { // who chose it, halving will show
		h.script = []step{says(400, `{"text":"Incorrect index","code":7}`)}
		sent(t, s, payload(t, s, "a", "b"), sinks.Bisect, codeIndex)
	})
}

// part is what the engine makes of some rows of a payload.
func part(p *sinks.Payload, from, to int) *sinks.Payload {
	body := make([]byte, p.Size)
	p.Body.ReadAt(body, 0)
	start := int64(0)
	if from > 0 {
		start = p.Ends[from-1]
	}
	q := *p
	q.Ends, q.Seqs = nil, p.Seqs[from:to]
	for _, end := range p.Ends[from:to] {
		q.Ends = append(q.Ends, end-start)
	}
	q.Size = p.Ends[to-1] - start
	q.Body = bytes.NewReader(body[start:p.Ends[to-1]])
	return &q
}

// Many bad events cost a request each, and no good event is repeated.
func TestManyBadEventsRepeatNothing(t *testing.T) {
	bubble(t, nil, func(t *testing.T, h *hec, s *Sink) {
		var records []string
		for i := range 100 {
			if i%5 == 3 {
				records = append(records, nested)
			} else {
				records = append(records, fmt.Sprint("good ", i))
			}
		}
		p := payload(t, s, records...)
		bad, start := 0, time.Now()
		for p != nil {
			err := s.Send(t.Context(), p)
			if err == nil {
				break
			}
			at := strings.IndexByte(fates(p, err), 'b')
			if at < 0 {
				t.Fatal(err)
			}
			bad++
			if at+1 == len(p.Seqs) {
				break
			}
			p = part(p, at+1, len(p.Seqs))
		}
		if bad != 20 || time.Since(start) > time.Minute {
			t.Errorf("%d bad events after %v", bad, time.Since(start))
		}
		h.indexed(t, 80)
	})
}
