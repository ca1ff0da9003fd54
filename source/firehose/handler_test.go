package firehose

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs/field"
)

func call(h http.Handler, operation, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", targetPrefix+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestAnswers(t *testing.T) {
	suspended := direct()
	suspended.suspended, suspended.description.Status = true, Suspended
	kinesis := direct()
	kinesis.suspended, kinesis.description = true, Description{
		Status: Active, Type: KinesisStreamAsSource, Version: 7,
		Created: time.UnixMilli(1714500000000), Updated: time.UnixMilli(1714500001500),
	}
	full, failing, closed, late, odd := direct(), direct(), direct(), direct(), direct()
	full.fail = fmt.Errorf("append to /var/lib/hydrant/7: %w", buffer.ErrFull)
	failing.fail = fmt.Errorf("append to /var/lib/hydrant/7: %w", buffer.ErrFailing)
	closed.fail = buffer.ErrClosed
	late.fail = context.DeadlineExceeded
	odd.fail = errors.New("append to /var/lib/hydrant/7: strange")
	streams := memoryStreams{
		"web": direct(), "paused": suspended, "kinesis": kinesis,
		"full": full, "failing": failing, "closed": closed, "late": late, "odd": odd,
	}
	h := NewHandler(Default(), streams, Events{})

	record := `"Record":{"Data":"YWJj"}`
	for _, c := range []struct{ name, operation, body string }{
		{"put_record", "PutRecord", `{"DeliveryStreamName":"web",` + record + `}`},
		{"put_record_empty", "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":""}}`},
		{"put_record_batch", "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[{"Data":"YWJj"},{"Data":""},{"Data":"ZGVm"}]}`},
		{"describe", "DescribeDeliveryStream", `{"DeliveryStreamName":"web"}`},
		{"describe_kinesis", "DescribeDeliveryStream", `{"DeliveryStreamName":"kinesis","Limit":1,"ExclusiveStartDestinationId":"x"}`},
		{"list", "ListDeliveryStreams", `{}`},
		{"list_page", "ListDeliveryStreams", `{"Limit":2,"ExclusiveStartDeliveryStreamName":"full"}`},
		{"list_type", "ListDeliveryStreams", `{"DeliveryStreamType":"KinesisStreamAsSource"}`},
		{"list_past_end", "ListDeliveryStreams", `{"ExclusiveStartDeliveryStreamName":"zzz"}`},

		{"error_unknown_stream", "PutRecord", `{"DeliveryStreamName":"nope",` + record + `}`},
		{"error_describe_unknown_stream", "DescribeDeliveryStream", `{"DeliveryStreamName":"nope"}`},
		{"error_not_active", "PutRecord", `{"DeliveryStreamName":"paused",` + record + `}`},
		{"error_kinesis_source", "PutRecord", `{"DeliveryStreamName":"kinesis",` + record + `}`},
		{"error_full", "PutRecord", `{"DeliveryStreamName":"full",` + record + `}`},
		{"error_full_batch", "PutRecordBatch", `{"DeliveryStreamName":"full","Records":[{"Data":"YWJj"}]}`},
		{"error_failing", "PutRecord", `{"DeliveryStreamName":"failing",` + record + `}`},
		{"error_closed", "PutRecord", `{"DeliveryStreamName":"closed",` + record + `}`},
		{"error_late", "PutRecord", `{"DeliveryStreamName":"late",` + record + `}`},
		{"error_odd", "PutRecord", `{"DeliveryStreamName":"odd",` + record + `}`},
		{"error_no_members", "PutRecord", `{}`},
		{"error_no_members_batch", "PutRecordBatch", `{}`},
		{"error_no_data", "PutRecord", `{"DeliveryStreamName":"web","Record":{}}`},
		{"error_no_data_batch", "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[{"Data":"YQ=="},{"Data":null}]}`},
		{"error_null_record", "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[{"Data":"YQ=="},null]}`},
		{"error_no_records", "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[]}`},
		{"error_empty_name", "PutRecord", `{"DeliveryStreamName":"",` + record + `}`},
		{"error_name", "PutRecord", `{"DeliveryStreamName":"../etc",` + record + `}`},
		{"error_long_name", "PutRecord", `{"DeliveryStreamName":"` + strings.Repeat("n", 65) + `",` + record + `}`},
		{"error_syntax", "PutRecord", `{"DeliveryStreamName":"web",`},
		{"error_base64", "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"not base64"}}`},
		{"error_data_type", "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[{"Data":17}]}`},
		{"error_limit", "ListDeliveryStreams", `{"Limit":0}`},
		{"error_limit_high", "DescribeDeliveryStream", `{"DeliveryStreamName":"web","Limit":10001}`},
		{"error_limit_type", "ListDeliveryStreams", `{"Limit":1.5}`},
		{"error_type", "ListDeliveryStreams", `{"DeliveryStreamType":"Pigeon"}`},
		{"error_operation", "Dance", `{}`},
		{"error_create", "CreateDeliveryStream", `{"DeliveryStreamName":"web"}`},
		{"error_delete", "DeleteDeliveryStream", `{"DeliveryStreamName":"web"}`},
		{"error_update", "UpdateDestination", `{}`},
		{"error_start_encryption", "StartDeliveryStreamEncryption", `{}`},
		{"error_stop_encryption", "StopDeliveryStreamEncryption", `{}`},
		{"error_tag", "TagDeliveryStream", `{}`},
		{"error_untag", "UntagDeliveryStream", `{}`},
		{"error_list_tags", "ListTagsForDeliveryStream", `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := call(h, c.operation, c.body)
			if id := w.Header().Get("X-Amzn-Requestid"); !uuidForm.MatchString(id) {
				t.Errorf("request id %q is no UUID", id)
			}
			if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("Content-Type %q", got)
			}
			body := w.Body.String()
			if typ := w.Header().Get("X-Amzn-Errortype"); w.Code != 200 && !strings.HasPrefix(body, `{"__type":"`+typ+`"`) {
				t.Errorf("header says %q, body %s", typ, body)
			}
			if strings.Contains(body, "/var/lib") {
				t.Errorf("the answer shows a path: %s", body)
			}
			golden(t, c.name+".txt", fmt.Sprintf("> %s\n> %s\n\n< %d\n< %s\n", c.operation, c.body, w.Code, body))
		})
	}
	if got := streams["web"].stored(); !cmp.Equal(got, []string{"abc", "", "abc", "", "def"}) {
		t.Errorf("stored %q", got)
	}
}

// What is at a limit is stored, what is over it stores nothing at all.
func TestLimits(t *testing.T) {
	large := func(n int) string { return b64(strings.Repeat("x", n)) }
	batch := func(sizes ...int) string {
		records := make([]string, len(sizes))
		for i, n := range sizes {
			records[i] = `{"Data":"` + large(n) + `"}`
		}
		return `{"DeliveryStreamName":"web","Records":[` + strings.Join(records, ",") + `]}`
	}
	many := func(n int) string { return batch(make([]int, n)...) }
	const quarter = maxBatch / 5
	for _, c := range []struct {
		name, operation, body string
		stored                int
		want                  string
	}{
		{"record at limit", "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"` + large(1_024_000) + `"}}`, 1, ""},
		{"record over limit", "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"` + large(1_024_001) + `"}}`, 0,
			"Value at 'record.data' failed to satisfy constraint: Member must have length less than or equal to 1024000"},
		{"batch record at limit", "PutRecordBatch", batch(3, 1_024_000), 2, ""},
		{"batch record over limit", "PutRecordBatch", batch(3, 1_024_001), 0,
			"Value at 'records.2.member.data' failed to satisfy constraint: Member must have length less than or equal to 1024000"},
		{"500 records", "PutRecordBatch", many(500), 500, ""},
		{"501 records", "PutRecordBatch", many(501), 0,
			"Value at 'records' failed to satisfy constraint: Member must have length less than or equal to 500"},
		{"batch at limit", "PutRecordBatch", batch(quarter, quarter, quarter, quarter, maxBatch-4*quarter), 5, ""},
		{"batch over limit", "PutRecordBatch", batch(quarter, quarter, quarter, quarter, maxBatch-4*quarter+1), 0, "Records size exceeds 4 MB limit"},
		{"batch over limit early", "PutRecordBatch", batch(quarter, quarter, quarter, quarter, quarter, quarter, 1, 1), 0, "Records size exceeds 4 MB limit"},
		{"error of form comes first", "PutRecordBatch", many(501) + "x", 0, "SerializationException"},
		{"body over limit", "PutRecord", `{"DeliveryStreamName":"web"` + strings.Repeat(" ", maxBody) + `}`, 0, "RequestEntityTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := direct()
			h := NewHandler(Default(), memoryStreams{"web": s}, Events{})
			w := call(h, c.operation, c.body)
			if got := len(s.stored()); got != c.stored {
				t.Errorf("%d records stored, want %d", got, c.stored)
			}
			if (w.Code == 200) != (c.want == "") || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s, want %q", w.Code, w.Body, c.want)
			}
			if used := h.memory.used.Load(); used != 0 {
				t.Errorf("%d bytes of the memory budget are not given back", used)
			}
		})
	}
}

func TestAnswerAfterAppend(t *testing.T) {
	s := direct()
	s.gate, s.entered = make(chan struct{}), make(chan struct{})
	h := NewHandler(Default(), memoryStreams{"web": s}, Events{})
	answered := make(chan int)
	go func() { answered <- call(h, "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"YQ=="}}`).Code }()
	<-s.entered
	select {
	case code := <-answered:
		t.Fatalf("answered %d before the record was stored", code)
	default:
	}
	close(s.gate)
	if code := <-answered; code != 200 {
		t.Fatalf("answered %d", code)
	}
}

func TestGzipBodies(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, s); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	plain := `{"DeliveryStreamName":"web","Record":{"Data":"YWJj"}}`
	packed := pack(plain)
	for _, c := range []struct {
		name, encoding, body string
		code                 int
		want                 string
	}{
		{"gzip", "gzip", packed, 200, "RecordId"},
		{"two members", "gzip", pack(plain[:20]) + pack(plain[20:]), 200, "RecordId"},
		{"identity", "identity", plain, 200, "RecordId"},
		{"cut short", "gzip", packed[:len(packed)-3], 400, "SerializationException"},
		{"garbage after it", "gzip", packed + "x", 400, "SerializationException"},
		{"wrong checksum", "gzip", packed[:len(packed)-8] + "\x00" + packed[len(packed)-7:], 400, "SerializationException"},
		{"not gzip", "gzip", plain, 400, "SerializationException"},
		{"empty", "gzip", "", 400, "SerializationException"},
		{"bomb", "gzip", pack(plain + strings.Repeat(" ", 64<<20)), 413, "RequestEntityTooLarge"},
		{"other encoding", "br", plain, 400, "InvalidArgumentException"},
		{"twice", "gzip,gzip", packed, 400, "InvalidArgumentException"},
		{"aws-chunked", "aws-chunked", plain, 400, "InvalidArgumentException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := direct()
			h := NewHandler(Default(), memoryStreams{"web": s}, Events{})
			w := call(h, "PutRecord", c.body, "Content-Encoding", c.encoding)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, c.code, c.want)
			}
			if got := len(s.stored()); (got == 1) != (c.code == 200) {
				t.Errorf("%d records stored", got)
			}
		})
	}
}

func TestMemoryBudgetRefuses(t *testing.T) {
	c := Default()
	c.MaxInFlight = 1000
	s := direct()
	h := NewHandler(c, memoryStreams{"web": s}, Events{})
	w := call(h, "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"`+b64(strings.Repeat("x", 1000))+`"}}`)
	if w.Code != 503 || !strings.Contains(w.Body.String(), "Slow down.") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if used := h.memory.used.Load(); used != 0 {
		t.Errorf("%d bytes are not given back", used)
	}
	if w := call(h, "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"YQ=="}}`); w.Code != 200 {
		t.Errorf("a small request after it: %d %s", w.Code, w.Body)
	}
}

func TestPeopleGetAnExplanation(t *testing.T) {
	h := NewHandler(Default(), memoryStreams{}, Events{})
	for _, c := range []struct {
		method, path string
		code         int
	}{{"GET", "/", 200}, {"GET", "/favicon.ico", 404}, {"POST", "/other", 404}, {"PUT", "/", 405}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.code || !strings.Contains(w.Body.String(), "Firehose API of hydrant") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

func TestWebPagesAreRefused(t *testing.T) {
	s := direct()
	h := NewHandler(Default(), memoryStreams{"web": s}, Events{})
	w := call(h, "PutRecord", `{"DeliveryStreamName":"web","Record":{"Data":"YQ=="}}`, "Origin", "http://localhost:3000")
	if w.Code != 403 || len(s.stored()) != 0 {
		t.Errorf("%d %s, %d stored", w.Code, w.Body, len(s.stored()))
	}
}

func TestEvents(t *testing.T) {
	var got []string
	e := Events{
		Put: func(stream, operation, code string, records, bytes int, d time.Duration) {
			if d < 0 {
				t.Errorf("duration %v", d)
			}
			got = append(got, fmt.Sprintf("put %q %s %q %d %d", stream, operation, code, records, bytes))
		},
		AppendFailed: func(stream string, err error) { got = append(got, "append failed "+stream+": "+err.Error()) },
		AuthFailed:   func(remote, code string) { got = append(got, "auth failed "+code) },
	}
	full := direct()
	full.fail = buffer.ErrFull
	h := NewHandler(Default(), memoryStreams{"web": direct(), "full": full}, e)
	call(h, "PutRecordBatch", `{"DeliveryStreamName":"web","Records":[{"Data":"YWJj"},{"Data":"YQ=="}]}`)
	call(h, "PutRecord", `{"DeliveryStreamName":"made-up","Record":{"Data":"YQ=="}}`)
	call(h, "PutRecord", `{"DeliveryStreamName":"full","Record":{"Data":"YQ=="}}`)
	call(h, "PutRecord", `{`)
	want := []string{
		`put "web" PutRecordBatch "" 2 4`,
		`put "" PutRecord "ResourceNotFoundException" 1 1`,
		`append failed full: buffer is full`,
		`put "full" PutRecord "ServiceUnavailableException" 1 1`,
		`put "" PutRecord "SerializationException" 0 0`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c := Default()
	c.AccessKeys = []AccessKey{{"AK", field.NewSecret("s"), []string{"*"}}}
	got = nil
	call(NewHandler(c, memoryStreams{}, e), "PutRecord", `{}`)
	if diff := cmp.Diff([]string{"auth failed MissingAuthenticationToken"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordIDsAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	h := NewHandler(Default(), memoryStreams{"web": direct()}, Events{})
	id := regexp.MustCompile(`"RecordId":"([^"]+)"`)
	for range 3 {
		w := call(h, "PutRecordBatch", string(fullBatch("web", 500, 1, 'x')))
		for _, m := range id.FindAllStringSubmatch(w.Body.String(), -1) {
			seen[m[1]] = true
		}
	}
	if len(seen) != 1500 {
		t.Errorf("%d different ids for 1500 records", len(seen))
	}
}

// nullWriter keeps the test's own allocations out of the count.
type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *nullWriter) WriteHeader(int)             {}

func (w *nullWriter) SetReadDeadline(time.Time) error  { return nil }
func (w *nullWriter) SetWriteDeadline(time.Time) error { return nil }

func TestHandlerAllocations(t *testing.T) {
	h := NewHandler(Default(), &discardStreams{}, Events{})
	for _, records := range []int{1, 500} {
		body := bytes.NewReader(batchBody(records, 1000))
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-Amz-Target", targetPrefix+"PutRecordBatch")
		r.ContentLength = body.Size()
		r.Body = io.NopCloser(body)
		w := &nullWriter{make(http.Header)}
		n := testing.AllocsPerRun(100, func() {
			if _, err := body.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			h.ServeHTTP(w, r)
		})
		if n > 6 && !raceEnabled {
			t.Errorf("%v allocations for a request of %d records, want at most 6 however many there are", n, records)
		}
	}
}
