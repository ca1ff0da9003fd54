package opensearch

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/elasticsearch"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// What a real node refuses, and what that means to us.
func TestARealNodeRefuses(t *testing.T) {
	server := servers.OpenSearch(t)
	put := func(path, body string) { t.Helper(); server.Call(t, http.MethodPut, path, body) }
	put("/_cluster/settings", `{"transient":{"action.auto_create_index":"-refused-*,*"}}`)
	defer put("/_cluster/settings", `{"transient":{"action.auto_create_index":null,"cluster.max_shards_per_node":null}}`)
	put("/_ingest/pipeline/refused-fails", `{"processors":[{"fail":{"message":"no way"}}]}`)
	put("/_index_template/refused", `{"index_patterns":["streams-*"],"data_stream":{}}`)

	for _, tt := range []struct {
		name   string
		index  string
		setUp  func()
		change func(*elasticsearch.Config)
		record string
		want   sinks.Kind
		code   string // of the item; "" for the whole request
		reason string
	}{
		{name: "a field of another type", index: "typed", want: sinks.BadRecord, code: "400", reason: "mapper_parsing_exception",
			setUp: func() { put("/typed", `{"mappings":{"properties":{"n":{"type":"long"}}}}`) }, record: `{"n":"x"}`},
		{name: "a record with the words of a mistake in the configuration", index: "typed", want: sinks.BadRecord, code: "400", reason: "mapper_parsing_exception",
			record: `{"n":"no handler found for uri [/] type is missing"}`},
		{name: "a field that is not in a strict mapping", index: "strict", want: sinks.BadRecord, code: "400", reason: "strict_dynamic_mapping_exception",
			setUp: func() { put("/strict", `{"mappings":{"dynamic":"strict"}}`) }},
		{name: "too many fields", index: "fields", want: sinks.BadRecord, code: "400", reason: "illegal_argument_exception",
			setUp: func() { put("/fields", `{"settings":{"index.mapping.total_fields.limit":1}}`) }, record: `{"a":1,"b":2}`},
		{name: "the same key twice", index: "twice", want: sinks.BadRecord, code: "400", reason: "mapper_parsing_exception", record: `{"a":1,"a":2}`},
		{name: "the same key twice in what is not indexed", index: "twice-deep", want: sinks.BadRecord, code: "400", reason: "mapper_parsing_exception",
			setUp:  func() { put("/twice-deep", `{"mappings":{"properties":{"o":{"type":"object","enabled":false}}}}`) },
			record: `{"o":{"a":1,"a":2}}`},
		{name: "a processor that fails", index: "failing", want: sinks.BadRecord, code: "500", reason: "fail_processor_exception",
			change: func(c *elasticsearch.Config) { c.Pipeline = "refused-fails" }},
		{name: "routing that the record lacks", index: "routed", want: sinks.BadRecord, code: "400", reason: "routing_missing_exception",
			setUp:  func() { put("/routed", `{"mappings":{"_routing":{"required":true}}}`) },
			change: func(c *elasticsearch.Config) { c.Routing = ".r" }},
		{name: "no timestamp for a data stream", index: "streams-a", want: sinks.BadRecord, code: "400", reason: "mapper_parsing_exception"},

		{name: "routing that is not configured", index: "routed", want: sinks.Permanent, code: "400", reason: "routing_missing_exception"},
		{name: "an index that is not there", index: "refused-a", want: sinks.Permanent, code: "404", reason: "index_not_found_exception"},
		{name: "a pipeline that is not there", index: "unpiped", want: sinks.Permanent, code: "400", reason: "illegal_argument_exception",
			change: func(c *elasticsearch.Config) { c.Pipeline = "nowhere" }},
		{name: "an index that is closed", index: "closed", want: sinks.Permanent, code: "400", reason: "index_closed_exception",
			setUp: func() { put("/closed", ""); server.Call(t, http.MethodPost, "/closed/_close", "") }},
		{name: "an index that is read only", index: "readonly", want: sinks.Permanent, code: "403", reason: "cluster_block_exception",
			setUp: func() { put("/readonly", `{"settings":{"index.blocks.read_only":true}}`) }},
		{name: "a disk that is full", index: "full", want: sinks.Permanent, code: "429", reason: "cluster_block_exception",
			setUp: func() {
				put("/full", "")
				put("/full/_settings", `{"index.blocks.read_only_allow_delete":true}`)
			}},
		{name: "an alias with two indices", index: "two", want: sinks.Permanent, code: "400", reason: "illegal_argument_exception",
			setUp: func() { put("/two-a", `{"aliases":{"two":{}}}`); put("/two-b", `{"aliases":{"two":{}}}`) }},
		{name: "index for a data stream", index: "streams-b", want: sinks.Permanent, code: "400", reason: "illegal_argument_exception",
			change: func(c *elasticsearch.Config) { c.OpType = elasticsearch.Index }, record: `{"@timestamp":"2026-01-01T00:00:00Z"}`},
		{name: "a type", index: "untyped", want: sinks.Permanent, reason: "400",
			change: func(c *elasticsearch.Config) { c.TypeName = "event" }},
		{name: "one shard too many", index: "shards", want: sinks.Permanent, code: "400", reason: "validation_exception",
			setUp: func() { put("/_cluster/settings", `{"transient":{"cluster.max_shards_per_node":1}}`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.setUp != nil {
				tt.setUp()
			}
			c := newIndex(t, server, tt.index).config()
			c.IndexRotationPeriod = elasticsearch.NoRotation
			if tt.change != nil {
				tt.change(c)
			}
			record := tt.record
			if record == "" {
				record = `{"a":1}`
			}
			err := send(t, c, sinktest.Chunk(record))
			e := sinks.AsError(err)
			if err == nil || e.Kind != tt.want || e.Reason != tt.reason || (e.Kind == sinks.Permanent) != (e.Hint != "") {
				t.Errorf("%v: %s: %v; want %v: %s", e.Kind, e.Reason, err, tt.want, tt.reason)
			}
			if tt.code == "" && e.Items != nil || tt.code != "" && (len(e.Items) != 1 || e.Items[0].Code != tt.code) {
				t.Errorf("items are %+v, want one with %s", e.Items, tt.code)
			}
		})
	}
}

func send(t *testing.T, c *elasticsearch.Config, chunk *buffer.Chunk) error {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	var spool sinktest.Spool
	w := to.Destination.Batch(&spool)
	if err := w.Add(chunk, sinktest.AllRows(chunk)); err != nil {
		t.Fatal(err)
	}
	p, err := w.Seal(sinktest.Plan(chunk))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(p)
	return to.Destination.Send(t.Context(), &p[0])
}

// The items of documents that a pipeline failed for are not in the order of the
// documents.
func TestFailuresInAPipelineAreThoseOfTheirDocuments(t *testing.T) {
	server := servers.OpenSearch(t)
	server.Call(t, http.MethodPut, "/_ingest/pipeline/divides",
		`{"processors":[{"rename":{"field":"q","target_field":"z"}},{"script":{"source":"ctx.z = 1 / ctx.z"}}]}`)
	c := newIndex(t, server, "piped").config()
	c.Pipeline = "divides"
	e := sinks.AsError(send(t, c, sinktest.Chunk(`{"f":1}`, `{"q":0}`, `{"q":7}`, `{"f":2}`)))
	got := map[int]string{}
	for _, it := range e.Items {
		got[it.Row] = it.Message
	}
	want := map[int]string{
		0: "illegal_argument_exception: field [q] doesn't exist",
		1: "script_exception: runtime error; arithmetic_exception: / by zero",
		3: "illegal_argument_exception: field [q] doesn't exist",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures by row (-want +got):\n%s", diff)
	}
}

// OpenSearch fails all documents of the request for one that the pipeline
// cannot read.
func TestOneUnreadableRecordBeforeAPipelineIsLookedFor(t *testing.T) {
	server := servers.OpenSearch(t)
	server.Call(t, http.MethodPut, "/_ingest/pipeline/nothing", `{"processors":[]}`)
	c := newIndex(t, server, "unreadable").config()
	c.Pipeline = "nothing"
	for records, want := range map[string]sinks.Kind{
		`{"a":1} {"a":1,"a":2} {"a":3}`: sinks.Bisect,
		`{"a":1,"a":2}`:                 sinks.BadRecord,
	} {
		if e := sinks.AsError(send(t, c, sinktest.Chunk(strings.Fields(records)...))); e.Kind != want {
			t.Errorf("%s: %v: %v, want %v", records, e.Kind, e, want)
		}
	}
}

func TestADataStreamTakesEachRecordOnce(t *testing.T) {
	server := servers.OpenSearch(t)
	server.Call(t, http.MethodPut, "/_index_template/logs", `{"index_patterns":["logs-*"],"data_stream":{}}`)
	c := newIndex(t, server, "").config()
	c.DataStream, c.ContentEncoding = "logs-app", elasticsearch.GZIP
	records := []string{`{"@timestamp":"2026-01-01T00:00:00Z","n":1}`, "{\"@timestamp\":\"2026-01-01T00:00:00Z\",\n\"n\":2}"}
	for range 2 {
		if err := send(t, c, sinktest.Chunk(records...)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, d := range server.Documents(t, "logs-app") {
		got = append(got, string(d.Source))
	}
	if diff := cmp.Diff([]string{records[0], strings.ReplaceAll(records[1], "\n", "")}, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// What the documentation tells to set up for a data stream is enough.
func TestTheDocumentedTemplateMakesADataStream(t *testing.T) {
	server := servers.OpenSearch(t)
	text, err := os.ReadFile("../../docs/elasticsearch.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "PUT _index_template/audit\n")
	template, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatal("the documentation has no template")
	}
	server.Call(t, http.MethodPut, "/_index_template/audit", template)
	c := newIndex(t, server, "").config()
	c.DataStream = "audit"
	if err := send(t, c, sinktest.Chunk(`{"@timestamp":"2026-01-01T00:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	server.Call(t, http.MethodGet, "/_data_stream/audit", "") // else it is an index of that name
	if got := server.Count(t, "audit"); got != 1 {
		t.Errorf("%d documents, want 1", got)
	}
}

// A field as the id, replaced by what comes later, on the shard of another.
func TestDocumentsAreReplacedWhereThatIsAskedFor(t *testing.T) {
	server := servers.OpenSearch(t)
	x := newIndex(t, server, "replaced")
	c := x.config()
	c.IndexRotationPeriod, c.DocumentID, c.OpType, c.Routing = elasticsearch.NoRotation, ".id", elasticsearch.Index, ".to"
	for _, record := range []string{`{"id":7,"to":"a","v":1}`, `{"id":"7","to":"a","v":2}`} {
		if err := send(t, c, sinktest.Chunk(record)); err != nil {
			t.Fatal(err)
		}
	}
	docs := server.Documents(t, "replaced")
	if len(docs) != 1 || docs[0].ID != "7" || string(docs[0].Source) != `{"id":"7","to":"a","v":2}` {
		t.Errorf("documents are %+v", docs)
	}
}

// One record of many is at fault; the others of its request are there.
func TestAPoisonRecordAmongManyCostsOnlyItself(t *testing.T) {
	const records, poison = 5000, 4321
	server := servers.OpenSearch(t)
	server.Call(t, http.MethodPut, "/poisoned", `{"mappings":{"properties":{"n":{"type":"long"}}}}`)
	var all []string
	for n := range records {
		all = append(all, `{"n":1}`)
		if n == poison {
			all[n] = `{"n":"not a number"}`
		}
	}
	c := newIndex(t, server, "poisoned").config()
	c.IndexRotationPeriod = elasticsearch.NoRotation
	e := sinks.AsError(send(t, c, sinktest.Chunk(all...)))
	if e.Kind != sinks.BadRecord || len(e.Items) != 1 || e.Items[0].Row != poison {
		t.Errorf("%v: %+v", e, e.Items)
	}
	if got := len(server.Documents(t, "poisoned")); got != records-1 {
		t.Errorf("%d documents, want %d", got, records-1)
	}
}
