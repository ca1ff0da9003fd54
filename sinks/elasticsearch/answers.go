package elasticsearch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// meaning is what a failure says to us.
type meaning struct {
	kind sinks.Kind
	hint string // %s is the index
}

const (
	hintURLs     = "check that urls are those of Elasticsearch or OpenSearch"
	hintLogin    = "correct username and password, api_key or service_token"
	hintRights   = "allow the user to write to %s (privileges create_doc or index, and auto_configure or create_index to make it)"
	hintMissing  = "create the index %s, allow action.auto_create_index, or correct index_name"
	hintBlocked  = "the cluster does not let anybody write to %s: free disk space, or remove the block (index.blocks, cluster.blocks)"
	hintOpen     = "open the index %s, or correct index_name"
	hintName     = "correct index_name: the cluster refuses %s"
	hintShards   = "the cluster has as many shards as it may have: delete old indices, rotate less often, or raise cluster.max_shards_per_node"
	hintAlias    = "give the alias %s exactly one index to write to (is_write_index)"
	hintStream   = "%s is a data stream: set op_type to create and document_id to what is unique"
	hintPipeline = "create the ingest pipeline, or correct pipeline"
	hintIngest   = "give a node of the cluster the role ingest, or remove pipeline"
	hintRouting  = "set routing: the index %s demands it"
	hintType     = "remove type_name: only Elasticsearch 6 and older have types"
	hintNoType   = "set type_name: Elasticsearch 6 and older need one"
	hintMoved    = "correct urls: redirects are not followed"
	hintRequest  = "the cluster refuses the request as a whole, whatever the records are: see its message"
	hintTrust    = "set tls.ca_file to the certificate of the cluster's authority, or correct urls"
)

// meanings of the error types of a document or a request, whatever the status.
// What is not here is told by its status.
//
// Sources: the classes org.elasticsearch.ElasticsearchException and
// org.opensearch.OpenSearchException know, whose names these are; the Bulk API.
var meanings = map[string]meaning{
	// The cluster is busy: it says so itself.
	"es_rejected_execution_exception":         {kind: sinks.Throttled},
	"rejected_execution_exception":            {kind: sinks.Throttled}, // OpenSearch
	"opensearch_rejected_execution_exception": {kind: sinks.Throttled},
	"circuit_breaking_exception":              {kind: sinks.Throttled},

	"shard_not_found_exception": {}, // 404, while it moves

	// A document is at fault.
	"mapper_parsing_exception":            {kind: sinks.BadRecord},
	"document_parsing_exception":          {kind: sinks.BadRecord}, // Elasticsearch 8.10 and later
	"strict_dynamic_mapping_exception":    {kind: sinks.BadRecord},
	"illegal_argument_exception":          {kind: sinks.BadRecord}, // but see reasons
	"max_bytes_length_exceeded_exception": {kind: sinks.BadRecord},
	"parsing_exception":                   {kind: sinks.BadRecord},
	"parse_exception":                     {kind: sinks.BadRecord},
	"json_parse_exception":                {kind: sinks.BadRecord},
	"x_content_parse_exception":           {kind: sinks.BadRecord},
	"number_format_exception":             {kind: sinks.BadRecord},
	// A processor of the ingest pipeline would fail for it every time; the
	// status of these is 500.
	"fail_processor_exception":   {kind: sinks.BadRecord},
	"ingest_processor_exception": {kind: sinks.BadRecord},
	"script_exception":           {kind: sinks.BadRecord},

	// A person has to change something.
	"index_not_found_exception":        {sinks.Permanent, hintMissing},
	"resource_not_found_exception":     {sinks.Permanent, hintMissing},
	"no_such_index_exception":          {sinks.Permanent, hintMissing},
	"index_closed_exception":           {sinks.Permanent, hintOpen},
	"invalid_index_name_exception":     {sinks.Permanent, hintName},
	"invalid_alias_name_exception":     {sinks.Permanent, hintName},
	"validation_exception":             {sinks.Permanent, hintShards},
	"index_template_missing_exception": {sinks.Permanent, hintMissing},
	"routing_missing_exception":        {sinks.Permanent, hintRouting}, // BadRecord where routing is set
	"type_missing_exception":           {sinks.Permanent, hintNoType},
	"security_exception":               {sinks.Permanent, hintRights},
}

// reasons tell types apart that say little. A mistake in the configuration must
// not send every record to the error output; nor must a record look like one,
// whose text can be quoted in a reason: so each is bound to its type and to how
// the reason begins.
var reasons = []struct {
	kind, begins, has string
	meaning
}{
	{"illegal_argument_exception", "no write index is defined for alias [", "", meaning{sinks.Permanent, hintAlias}},
	{"illegal_argument_exception", "alias [", "] has more than one ind", meaning{sinks.Permanent, hintAlias}},
	{"illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams", "", meaning{sinks.Permanent, hintStream}},
	{"illegal_argument_exception", "pipeline with id [", "", meaning{sinks.Permanent, hintPipeline}},
	{"illegal_argument_exception", "Rejecting mapping update to [", "] as the final mapping would have more than 1 type", meaning{sinks.Permanent, hintNoType}},
	{"illegal_argument_exception", "Action/metadata line [1] contains an unknown parameter [_type]", "", meaning{sinks.Permanent, hintType}},
	{"illegal_state_exception", "There are no ingest nodes in this cluster", "", meaning{sinks.Permanent, hintIngest}},
	{"action_request_validation_exception", "Validation Failed: 1: type is missing;", "", meaning{sinks.Permanent, hintNoType}},
	{"", "no handler found for uri [", "", meaning{sinks.Permanent, hintType + "; " + hintURLs}},
}

// classify says what a failure of a document, or of a request, means. It is the
// only place that reads the cluster's words.
func classify(status int, c cause) meaning {
	for _, r := range reasons {
		if c.Type == r.kind && begins(c.Reason, r.begins) && strings.Contains(c.Reason, r.has) {
			return r.meaning
		}
	}
	if c.Type == "cluster_block_exception" && status != http.StatusServiceUnavailable {
		return meaning{sinks.Permanent, hintBlocked} // 503: the cluster is not ready yet
	}
	if m, known := meanings[c.Type]; known && status != http.StatusUnauthorized {
		return m
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return meaning{kind: sinks.BadRecord}
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return meaning{sinks.Permanent, hintLogin}
	case http.StatusForbidden:
		return meaning{sinks.Permanent, hintRights}
	case http.StatusNotFound, http.StatusGone:
		return meaning{sinks.Permanent, hintMissing}
	case http.StatusTooManyRequests:
		return meaning{kind: sinks.Throttled}
	}
	return meaning{}
}

// begins is strings.HasPrefix in any letter case.
func begins(text, with string) bool {
	return len(text) >= len(with) && strings.EqualFold(text[:len(with)], with)
}

// meaning says what the answer for one document means; failed is false if the
// document is there.
func (s *Sink) meaning(it *item) (m meaning, failed bool) {
	switch {
	case it.Status >= 200 && it.Status < 300 && it.Error.Type == "":
		return m, false
	case s.op == Create && isThere(it):
		return m, false // from an earlier try, if the id is ours
	case it.Error.Type == "routing_missing_exception" && s.routing != nil:
		return meaning{kind: sinks.BadRecord}, true // the record lacks the field
	}
	return classify(it.Status, it.Error), true
}

// isThere reports whether a document was not created because there is one with
// its id. Other conflicts say nothing of the kind.
func isThere(it *item) bool {
	return it.Status == http.StatusConflict &&
		(it.Error.Type == "version_conflict_engine_exception" || it.Error.Type == "document_already_exists_exception") // Elasticsearch 2
}

// collect adds a document that failed to e, which is nil before the first. The
// error is of the kind that matters most: a hold before slowing down before
// another try before a record that is given up.
func collect(e *sinks.Error, index string, row int, it *item, m meaning) *sinks.Error {
	if e == nil {
		e = &sinks.Error{Op: op, Kind: sinks.BadRecord}
	}
	failure := sinks.Item{Row: row, Kind: m.kind, Code: strconv.Itoa(it.Status), Message: excerpt(it.Error.String())}
	if m.kind == sinks.Permanent {
		failure.Kind = sinks.Retryable // the record is not at fault, and waits
	}
	if e.Items == nil || weight(m.kind) > weight(e.Kind) {
		e.Kind, e.Reason, e.Hint = m.kind, reason(it.Status, it.Error), hint(m, index)
		e.Err = fmt.Errorf("status %d: %s", it.Status, failure.Message)
	}
	e.Items = append(e.Items, failure)
	return e
}

func weight(k sinks.Kind) int {
	if k == sinks.BadRecord {
		return -1
	}
	return int(k)
}

// refusal says what an answer to the whole request means that is not the usual
// list of items.
func refusal(op, index string, resp *http.Response, answer []byte) *sinks.Error {
	c := refused(answer)
	m := classify(resp.StatusCode, c)
	e := &sinks.Error{Op: op, Kind: m.kind, Reason: reason(resp.StatusCode, c), RetryAfter: outbound.RetryAfter(resp.Header),
		Err: fmt.Errorf("the cluster answered %d: %s", resp.StatusCode, excerpt(c.String()))}
	switch code := resp.StatusCode; {
	case code == http.StatusRequestEntityTooLarge, c.Type == "action_request_validation_exception" && m.kind != sinks.Permanent:
		e.Kind = sinks.Bisect // too large, or some action in it is at fault
	case m.kind == sinks.BadRecord:
		// No record gets out of its line: what is wrong is the same for all.
		m = meaning{sinks.Permanent, hintRequest}
	case code >= 300 && code < 400:
		m = meaning{sinks.Permanent, hintMoved}
	case code == http.StatusNotFound && c.Type == "",
		code == http.StatusMethodNotAllowed, code == http.StatusNotAcceptable, code == http.StatusUnsupportedMediaType:
		m = meaning{sinks.Permanent, hintURLs}
	case code == http.StatusServiceUnavailable && e.RetryAfter > 0:
		m = meaning{kind: sinks.Throttled}
	}
	if e.Kind != sinks.Bisect {
		e.Kind, e.Hint = m.kind, hint(m, index)
	}
	return e
}

// refused reads what a cluster, or a proxy before it, says of a request that
// it refuses.
func refused(answer []byte) cause {
	var whole struct{ Error cause }
	if json.Unmarshal(answer, &whole) == nil && whole.Error.Type != "" {
		return whole.Error
	}
	var short struct{ Error string }
	if json.Unmarshal(answer, &short) == nil && short.Error != "" {
		return cause{Reason: short.Error}
	}
	return cause{Reason: string(answer)}
}

func hint(m meaning, index string) string { return strings.ReplaceAll(m.hint, "%s", index) }

func reason(status int, c cause) string {
	if c.Type != "" {
		return c.Type
	}
	return strconv.Itoa(status)
}

// longestExcerpt is how much of the cluster's words goes into a message.
const longestExcerpt = 1024

// excerpt makes words from outside fit for a message.
func excerpt(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r == utf8.RuneError || !unicode.IsPrint(r)
	}), " ")
	if text == "" {
		return "no reason was given"
	}
	if len(text) > longestExcerpt {
		text = strings.ToValidUTF8(text[:longestExcerpt], "") + "…"
	}
	return text
}

// transportError is for requests that got no answer. Whether they had an effect
// is not known; the next try finds out, by the ids.
func transportError(op string, err error) *sinks.Error {
	trouble := outbound.TroubleOf(err)
	e := &sinks.Error{Op: op, Reason: trouble.String(), Hint: "check that the cluster is running and that urls are right", Err: err}
	if trouble.Permanent() {
		e.Kind = sinks.Permanent
	}
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		e.Kind, e.Hint = sinks.Permanent, "write http:// in urls: the cluster does not speak TLS"
	case errors.Is(err, outbound.ErrLongAnswer):
		e.Reason, e.Hint = "answer", hintURLs
	case trouble == outbound.Forbidden:
		e.Hint = "correct urls"
	case trouble == outbound.Untrusted:
		e.Hint = hintTrust
	case trouble == outbound.Rejected:
		e.Hint = "set tls.cert_file and tls.key_file to a certificate that the cluster trusts"
	case trouble == outbound.NotFound:
		e.Hint = "check the hosts in urls"
	case trouble == outbound.Canceled, trouble == outbound.Timeout:
		e.Hint = ""
	}
	return e
}
