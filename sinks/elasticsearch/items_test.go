package elasticsearch

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// twoDocuments is a payload whose documents have the ids a and "b".
func twoDocuments(t testing.TB, change func(*Config)) (*Sink, *sinks.Payload) {
	t.Helper()
	config := newCluster(t).config()
	config.DocumentID = ".id"
	if change != nil {
		change(config)
	}
	s := open(t, config)
	return s, &payloads(t, s, sinktest.Chunk(`{"id":"a"}`, `{"id":"\"b\""}`))[0]
}

const (
	isA = `{"create":{"_id":"a","status":201}}`
	isB = `{"create":{"_id":"\"b\"","status":201}}`
)

func TestOnlyAnAnswerForEveryDocumentCounts(t *testing.T) {
	s, p := twoDocuments(t, nil)
	for _, tt := range []struct {
		name, answer string
		ok           bool
	}{
		{"as it is asked for", `{"errors":false,"items":[` + isA + `,` + isB + `]}`, true},
		{"with white space", "{ \"items\": [\n" + isA + ", " + isB + "],\n\"errors\": false }", true},
		{"with all members", `{"took":3,"errors":false,"items":[{"create":{"_index":"app","_id":"a","status":201}},{"create":{"_id":"\"b\"","status":200,"result":"noop"}}]}`, true},
		{"escaped in another way", `{"errors":false,"items":[{"create":{"_id":"\u0061","status":201}},` + isB + `]}`, true},
		{"another status of the 200s", `{"errors":false,"items":[` + isA + `,{"create":{"_id":"\"b\"","status":207}}]}`, true},
		{"ids that a pipeline made", `{"ingest_took":1,"errors":false,"items":[{"create":{"_id":"x","status":201}},{"create":{"_id":"y","status":201}}]}`, true},
		{"an id that somebody changed", `{"errors":false,"items":[` + isA + `,{"create":{"_id":"c","status":201}}]}`, true},
		{"all in the failure store", `{"errors":false,"items":[{"create":{"_id":"x","status":201,"failure_store":"used"}},{"create":{"_id":"y","status":201,"failure_store":"used"}}]}`, true},
		{"an item is missing", `{"errors":false,"items":[` + isA + `]}`, false},
		{"an item is missing among errors", `{"errors":true,"items":[{"create":{"_id":"a","status":400,"error":{"type":"mapper_parsing_exception"}}}]}`, false},
		{"an item too many", `{"errors":false,"items":[` + isA + `,` + isB + `,` + isB + `]}`, false},
		{"an item of another operation", `{"errors":false,"items":[` + isA + `,{"index":{"_id":"\"b\"","status":201}}]}`, false},
		{"an item without a status", `{"errors":false,"items":[` + isA + `,{"create":{"_id":"\"b\""}}]}`, false},
		{"items without ids", `{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`, false},
		{"the answer to another request", `{"errors":false,"items":[{"create":{"_id":"c","status":201}},{"create":{"_id":"d","status":201}}]}`, false},
		{"the answer to another request, with errors", `{"errors":true,"items":[{"create":{"_id":"d","status":201}},{"create":{"_id":"c","status":400,"error":{"type":"mapper_parsing_exception"}}}]}`, false},
		{"in another order", `{"errors":false,"items":[` + isB + `,` + isA + `]}`, false},
		{"no items", `{"errors":false}`, false},
		{"errors only", `{"errors":true}`, false},
		{"cut off", `{"errors":false,"items":[` + isA + `,` + isB[:9], false},
		{"cut off behind an item", `{"errors":false,"items":[` + isA + `,` + isB, false},
		{"with more behind it", `{"errors":false,"items":[` + isA + `,` + isB + `]}]}`, false},
		{"not JSON", "<html>", false},
		{"null", "null", false},
		{"null items", `{"errors":false,"items":[null,null]}`, false},
		{"empty", "", false},
	} {
		e := s.judge(p, []byte(tt.answer))
		if (e == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, e)
		}
		if e != nil && (e.Kind != sinks.Retryable || e.Items != nil) {
			t.Errorf("%s: %v, %v: want the whole request to be made again", tt.name, e.Kind, e.Items)
		}
	}
}

func TestIDsThatTheClusterMakesAreNotCompared(t *testing.T) {
	s, p := twoDocuments(t, func(c *Config) { c.DocumentID = noDocumentID })
	for _, answer := range []string{
		`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`,
		`{"errors":false,"items":[` + isB + `,` + isA + `]}`,
	} {
		if e := s.judge(p, []byte(answer)); e != nil {
			t.Errorf("%s: %v", answer, e)
		}
	}
}

// The items of a pipeline are not in the order of the documents.
func TestAnItemBelongsToTheDocumentThatItNames(t *testing.T) {
	const ids = 5
	config := newCluster(t).config()
	config.DocumentID = ".id"
	s := open(t, config)
	var records []string
	for n := range ids {
		records = append(records, fmt.Sprintf(`{"id":"%d"}`, n))
	}
	p := payloads(t, s, sinktest.Chunk(records...))[0]
	for _, tt := range []struct {
		name  string
		items string // ids; those with ! failed, to the reason of their name
		want  map[int]string
	}{
		{"in order", "0 1! 2 3! 4", map[int]string{1: "1!", 3: "3!"}},
		{"failures changed places", "0 3! 2 1! 4", map[int]string{1: "1!", 3: "3!"}},
		{"the pipeline gave others ids", "x 3! y 1! z", map[int]string{1: "1!", 3: "3!"}},
		{"the pipeline gave all of them ids", "v w! x y! z", map[int]string{1: "w!", 3: "y!"}},
		{"one that failed has another id, and its place is another's", "3! x 2 y! z", map[int]string{3: "3!", 0: "y!"}},
		{"all failed", "4! 3! 2! 1! 0!", map[int]string{0: "0!", 1: "1!", 2: "2!", 3: "3!", 4: "4!"}},
	} {
		var items []string
		for id := range strings.FieldsSeq(tt.items) {
			item := fmt.Sprintf(`{"create":{"_id":%q,"status":201}}`, id)
			if name, failed := strings.CutSuffix(id, "!"); failed {
				item = fmt.Sprintf(`{"create":{"_id":%q,"status":400,"error":{"type":"illegal_argument_exception","reason":%q}}}`, name, id)
			}
			items = append(items, item)
		}
		e := s.judge(&p, []byte(`{"ingest_took":1,"errors":true,"items":[`+strings.Join(items, ",")+`]}`))
		got := map[int]string{}
		for _, it := range e.Items {
			got[it.Row] = strings.TrimPrefix(it.Message, "illegal_argument_exception: ")
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: failures by row (-want +got):\n%s", tt.name, diff)
		}
	}
}

// OpenSearch says of all documents of a request what is true of one, if the
// pipeline cannot read that.
func TestOneUnreadableDocumentBeforeAPipelineIsLookedFor(t *testing.T) {
	s, p := twoDocuments(t, nil)
	failed := func(id, kind string) string {
		return fmt.Sprintf(`{"create":{"_id":%q,"status":400,"error":{"type":%q,"reason":"Failed to parse content to map"}}}`, id, kind)
	}
	all := `"items":[` + failed("a", "parse_exception") + `,` + failed(`"b"`, "parse_exception") + `]}`
	if e := s.judge(p, []byte(`{"ingest_took":1,"errors":true,`+all)); e.Kind != sinks.Bisect || e.Items != nil {
		t.Errorf("with a pipeline: %v, %+v", e.Kind, e.Items)
	}
	if e := s.judge(p, []byte(`{"errors":true,`+all)); e.Kind != sinks.BadRecord || len(e.Items) != 2 {
		t.Errorf("without a pipeline: %v, %+v", e.Kind, e.Items)
	}
	some := `"items":[` + isA + `,` + failed(`"b"`, "parse_exception") + `]}`
	if e := s.judge(p, []byte(`{"ingest_took":1,"errors":true,`+some)); e.Kind != sinks.BadRecord || len(e.Items) != 1 || e.Items[0].Row != 1 {
		t.Errorf("one of two: %v, %+v", e.Kind, e.Items)
	}
	one := payloads(t, s, sinktest.Chunk(`{"id":"a"}`))[0]
	if e := s.judge(&one, []byte(`{"ingest_took":1,"errors":true,"items":[`+failed("a", "parse_exception")+`]}`)); e.Kind != sinks.BadRecord || len(e.Items) != 1 {
		t.Errorf("one alone: %v, %+v", e.Kind, e.Items)
	}
}

// Whatever is answered: the short way takes nothing that the long one does
// not, and failures are of documents that were sent, each once.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"errors":false,"items":[` + isA + `,` + isB + `]}`,
		`{"errors":true,"items":[{"create":{"_id":"a","status":400,"error":{"type":"x","caused_by":{"type":"y"}}}},{"create":{"_id":"\"b\"","status":409}}]}`,
		`{"ingest_took":0,"errors":true,"items":[{"create":{"_id":"\"b\"","status":400,"error":{"type":"x"}}},{"create":{"_id":"a","status":429,"error":{"type":"y"}}}]}`,
		`{"ingest_took":0,"errors":true,"items":[{"create":{"_id":"a","status":500}},{"create":{"_id":"a","status":500}}]}`,
		`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`,
		`{"error":{"type":"x","reason":"y"},"status":400}`,
	} {
		f.Add([]byte(seed))
	}
	named, p := twoDocuments(f, nil)
	unnamed, q := twoDocuments(f, func(c *Config) { c.DocumentID = noDocumentID })
	f.Fuzz(func(t *testing.T, answer []byte) {
		refused(answer)
		for s, p := range map[*Sink]*sinks.Payload{named: p, unnamed: q} {
			e := s.examine(p, answer)
			if e == nil {
				var a struct{ Items []json.RawMessage }
				if json.Unmarshal(answer, &a) != nil || len(a.Items) != len(p.Seqs) {
					t.Error("an answer that does not account for the documents was taken")
				}
				continue
			}
			if s.allTaken(p, answer) {
				t.Errorf("the short way takes what the long one refuses: %v", e)
			}
			seen := map[int]bool{}
			for _, it := range e.Items {
				if it.Row < 0 || it.Row > 1 || seen[it.Row] {
					t.Errorf("row %d of %+v", it.Row, e.Items)
				}
				seen[it.Row] = true
			}
		}
	})
}
