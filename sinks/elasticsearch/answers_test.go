package elasticsearch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Types and statuses of documents, as Elasticsearch 2 to 8 and OpenSearch 1 to
// 3 give them. The reasons are those of real answers.
func TestEachFailureOfADocumentHasItsMeaning(t *testing.T) {
	for _, tt := range []struct {
		status int
		kind   string // of the error, in the cluster's words
		reason string
		want   sinks.Kind
		hint   string // part of it
	}{
		// Busy.
		{429, "es_rejected_execution_exception", "rejected execution of coordinating operation", sinks.Throttled, ""},
		{429, "rejected_execution_exception", "rejected execution of coordinating operation", sinks.Throttled, ""},
		{429, "opensearch_rejected_execution_exception", "", sinks.Throttled, ""},
		{503, "es_rejected_execution_exception", "rejected execution (queue capacity 200)", sinks.Throttled, ""},
		{429, "circuit_breaking_exception", "[parent] Data too large", sinks.Throttled, ""},
		{503, "circuit_breaking_exception", "[parent] Data too large", sinks.Throttled, ""},
		{429, "", "", sinks.Throttled, ""},

		// Not now.
		{503, "unavailable_shards_exception", "[app][0] primary shard is not active Timeout: [1m]", sinks.Retryable, ""},
		{503, "no_shard_available_action_exception", "", sinks.Retryable, ""},
		{503, "process_cluster_event_timeout_exception", "failed to process cluster event (put-mapping) within 30s", sinks.Retryable, ""},
		{503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];", sinks.Retryable, ""},
		{503, "master_not_discovered_exception", "", sinks.Retryable, ""},
		{503, "cluster_manager_not_discovered_exception", "", sinks.Retryable, ""},
		{503, "not_master_exception", "", sinks.Retryable, ""},
		{500, "node_closed_exception", "node closed", sinks.Retryable, ""},
		{500, "node_disconnected_exception", "", sinks.Retryable, ""},
		{500, "index_shard_closed_exception", "", sinks.Retryable, ""},
		{404, "shard_not_found_exception", "no such shard", sinks.Retryable, ""},
		{404, "alias_not_found_exception", "", sinks.Permanent, hintMissing},
		{500, "timeout_exception", "", sinks.Retryable, ""},
		{500, "translog_exception", "", sinks.Retryable, ""},
		{500, "no_node_available_exception", "", sinks.Retryable, ""},
		{500, "", "", sinks.Retryable, ""},
		{502, "", "", sinks.Retryable, ""},
		{504, "", "", sinks.Retryable, ""},
		{418, "something_new", "", sinks.Retryable, ""},

		// The document.
		{400, "mapper_parsing_exception", "failed to parse field [n] of type [long]", sinks.BadRecord, ""},
		{400, "document_parsing_exception", "[1:5] failed to parse field [n]", sinks.BadRecord, ""},
		{400, "strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed", sinks.BadRecord, ""},
		{400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded", sinks.BadRecord, ""},
		{400, "illegal_argument_exception", "mapper [a] cannot be changed from type [long] to [text]", sinks.BadRecord, ""},
		{400, "illegal_argument_exception", "Document contains at least one immense term", sinks.BadRecord, ""},
		{400, "max_bytes_length_exceeded_exception", "bytes can be at most 32766 in length", sinks.BadRecord, ""},
		{400, "parsing_exception", "", sinks.BadRecord, ""},
		{400, "parse_exception", "", sinks.BadRecord, ""},
		{400, "json_parse_exception", "", sinks.BadRecord, ""},
		{400, "x_content_parse_exception", "", sinks.BadRecord, ""},
		{400, "number_format_exception", "For input string", sinks.BadRecord, ""},
		{400, "script_exception", "runtime error", sinks.BadRecord, ""},
		{500, "fail_processor_exception", "no way", sinks.BadRecord, ""},
		{500, "ingest_processor_exception", "", sinks.BadRecord, ""},
		{400, "something_new", "", sinks.BadRecord, ""},
		{413, "", "", sinks.BadRecord, ""},

		// A person.
		{404, "index_not_found_exception", "no such index [app]", sinks.Permanent, "create the index app"},
		{404, "no_such_index_exception", "", sinks.Permanent, "create the index app"},
		{404, "resource_not_found_exception", "", sinks.Permanent, "create the index app"},
		{404, "index_template_missing_exception", "", sinks.Permanent, "create the index app"},
		{404, "", "", sinks.Permanent, "create the index app"},
		{400, "index_closed_exception", "closed", sinks.Permanent, "open the index app"},
		{403, "index_closed_exception", "closed", sinks.Permanent, "open the index app"},
		{400, "invalid_index_name_exception", "Invalid index name [A], must be lowercase", sinks.Permanent, "index_name"},
		{400, "invalid_alias_name_exception", "", sinks.Permanent, "index_name"},
		{400, "validation_exception", "this action would add [2] total shards, but this cluster currently has [12]/[2] maximum shards open;", sinks.Permanent, "max_shards_per_node"},
		{400, "illegal_argument_exception", "no write index is defined for alias [two]. The write index may be explicitly disabled", sinks.Permanent, "alias app"},
		{400, "illegal_argument_exception", "Alias [two] has more than one indices associated with it [[a, b]], can't execute a single index op", sinks.Permanent, "alias app"},
		{400, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams", sinks.Permanent, "op_type"},
		{400, "illegal_argument_exception", "pipeline with id [nope] does not exist", sinks.Permanent, "pipeline"},
		{400, "illegal_argument_exception", "Rejecting mapping update to [app] as the final mapping would have more than 1 type: [a, b]", sinks.Permanent, "type_name"},
		{400, "routing_missing_exception", "routing is required for [rr]/[cl]", sinks.Permanent, "set routing"},
		{404, "type_missing_exception", "", sinks.Permanent, "type_name"},
		{403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/8/index write (api)];", sinks.Permanent, "remove the block"},
		{403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/5/index read-only (api)];", sinks.Permanent, "remove the block"},
		{403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];", sinks.Permanent, "free disk space"},
		{429, "cluster_block_exception", "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];", sinks.Permanent, "free disk space"},
		{403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized for user [x]", sinks.Permanent, "allow the user"},
		{401, "security_exception", "unable to authenticate user [x]", sinks.Permanent, "password"},
		{403, "", "", sinks.Permanent, "allow the user"},
		{401, "", "", sinks.Permanent, "password"},

		// Reasons quote records, which must not look like what a person has to mend.
		{400, "mapper_parsing_exception", "failed to parse field [n] of type [long]. Preview of field's value: 'type is missing'", sinks.BadRecord, ""},
		{400, "mapper_parsing_exception", "no handler found for uri [", sinks.BadRecord, ""},
		{400, "illegal_argument_exception", "mapper [pipeline with id [x]] cannot be changed from type [long] to [text]", sinks.BadRecord, ""},
		{400, "illegal_argument_exception", "unable to convert [no write index is defined for alias [x] to integer", sinks.BadRecord, ""},
		{500, "fail_processor_exception", "There are no ingest nodes in this cluster", sinks.BadRecord, ""},

		// A conflict is a failure for index only: see meaning.
		{409, "version_conflict_engine_exception", "", sinks.Retryable, ""},
	} {
		m := classify(tt.status, cause{Type: tt.kind, Reason: tt.reason})
		if m.kind != tt.want || !strings.Contains(hint(m, "app"), strings.ReplaceAll(tt.hint, "%s", "app")) {
			t.Errorf("%d %s %q: %v, hint %q; want %v, %q", tt.status, tt.kind, tt.reason, m.kind, hint(m, "app"), tt.want, tt.hint)
		}
		if (m.kind == sinks.Permanent) != (m.hint != "") {
			t.Errorf("%d %s %q: %v with the hint %q: what a person has to mend has one, and nothing else", tt.status, tt.kind, tt.reason, m.kind, m.hint)
		}
	}
}

func TestAConflictIsADocumentThatIsThere(t *testing.T) {
	conflict := &item{Status: 409, Error: cause{Type: "version_conflict_engine_exception"}}
	if _, failed := (&Sink{op: Create}).meaning(conflict); failed {
		t.Error("create: a document that is there already failed")
	}
	if _, failed := (&Sink{op: Create}).meaning(&item{Status: 409, Error: cause{Type: "document_already_exists_exception"}}); failed {
		t.Error("create: a document that is there already failed in Elasticsearch 2")
	}
	for _, kind := range []string{"", "something_new"} {
		if m, failed := (&Sink{op: Create}).meaning(&item{Status: 409, Error: cause{Type: kind}}); !failed || m.kind != sinks.Retryable {
			t.Errorf("create: a conflict of the type %q does not say that the document is there", kind)
		}
	}
	if m, failed := (&Sink{op: Index}).meaning(conflict); !failed || m.kind != sinks.Retryable {
		t.Error("index: a conflict says nothing about our document, which has to be sent again")
	}
	missing := &item{Status: 400, Error: cause{Type: "routing_missing_exception"}}
	if m, _ := (&Sink{routing: path{"r"}}).meaning(missing); m.kind != sinks.BadRecord {
		t.Errorf("a record without the field of routing is %v", m.kind)
	}
}

func TestEachRefusalOfARequestHasItsMeaning(t *testing.T) {
	typed := func(kind, reason string) string {
		return fmt.Sprintf(`{"error":{"root_cause":[{"type":%q,"reason":%q}],"type":%q,"reason":%q},"status":400}`, kind, reason, kind, reason)
	}
	for _, tt := range []struct {
		status int
		body   string
		after  string // Retry-After
		want   sinks.Kind
		reason string
		hint   string // part of it
	}{
		{413, "", "", sinks.Bisect, "413", ""},
		{413, "<html>413 Request Entity Too Large</html>", "", sinks.Bisect, "413", ""},
		{400, typed("action_request_validation_exception", "Validation Failed: 1: id [0] is too long"), "", sinks.Bisect, "action_request_validation_exception", ""},
		{400, typed("illegal_argument_exception", "Action/metadata line [1] contains an unknown parameter [_type]"), "", sinks.Permanent, "illegal_argument_exception", "type_name"},
		{400, typed("illegal_argument_exception", "The bulk request must be terminated by a newline"), "", sinks.Permanent, "illegal_argument_exception", "as a whole"},
		{400, typed("parse_exception", "request body is required"), "", sinks.Permanent, "parse_exception", "as a whole"},
		{400, typed("action_request_validation_exception", "Validation Failed: 1: type is missing;2: type is missing;"), "", sinks.Permanent, "action_request_validation_exception", "type_name"},
		{400, `{"error":"no handler found for uri [/app/t/_bulk] and method [POST]"}`, "", sinks.Permanent, "400", "type_name"},
		{400, "The plain HTTP request was sent to HTTPS port", "", sinks.Permanent, "400", "as a whole"},
		{500, typed("illegal_state_exception", "There are no ingest nodes in this cluster, unable to forward request to an ingest node."), "", sinks.Permanent, "illegal_state_exception", "ingest"},
		{401, typed("security_exception", "unable to authenticate user"), "", sinks.Permanent, "security_exception", "password"},
		{403, typed("security_exception", "action [indices:data/write/bulk] is unauthorized"), "", sinks.Permanent, "security_exception", "allow the user to write to app"},
		{403, `{"Message":"User: anonymous is not authorized"}`, "", sinks.Permanent, "403", "allow the user"},
		{403, typed("cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];"), "", sinks.Permanent, "cluster_block_exception", "remove the block"},
		{503, typed("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"), "", sinks.Retryable, "cluster_block_exception", ""},
		{404, typed("index_not_found_exception", "no such index [app]"), "", sinks.Permanent, "index_not_found_exception", "create the index app"},
		{404, "404 page not found", "", sinks.Permanent, "404", "urls"},
		{405, "", "", sinks.Permanent, "405", "urls"},
		{406, `{"error":"Content-Type header [text/plain] is not supported","status":406}`, "", sinks.Permanent, "406", "urls"},
		{415, "", "", sinks.Permanent, "415", "urls"},
		{407, "", "", sinks.Permanent, "407", "password"},
		{301, "", "", sinks.Permanent, "301", "redirects"},
		{308, "", "", sinks.Permanent, "308", "redirects"},
		{429, typed("circuit_breaking_exception", "[parent] Data too large"), "3", sinks.Throttled, "circuit_breaking_exception", ""},
		{429, "", "", sinks.Throttled, "429", ""},
		{503, "", "7", sinks.Throttled, "503", ""},
		{503, "", "", sinks.Retryable, "503", ""},
		{500, "oops", "", sinks.Retryable, "500", ""},
		{502, "<html>", "", sinks.Retryable, "502", ""},
		{504, "", "", sinks.Retryable, "504", ""},
		{206, "", "", sinks.Retryable, "206", ""},
		{418, "", "", sinks.Retryable, "418", ""},
	} {
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{}}
		if tt.after != "" {
			resp.Header.Set("Retry-After", tt.after)
		}
		e := refusal(op, "app", resp, []byte(tt.body))
		if e.Kind != tt.want || e.Reason != tt.reason || !strings.Contains(e.Hint, tt.hint) || e.Kind == sinks.Permanent && e.Hint == "" {
			t.Errorf("%d %s: %v, %s, hint %q; want %v, %s, %q", tt.status, tt.body, e.Kind, e.Reason, e.Hint, tt.want, tt.reason, tt.hint)
		}
		if tt.after != "" && e.RetryAfter < 3*time.Second {
			t.Errorf("%d: again after %v", tt.status, e.RetryAfter)
		}
	}
}

func TestRequestsWithoutAnAnswerAreTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		want   sinks.Kind
		reason string
	}{
		{io.ErrUnexpectedEOF, sinks.Retryable, "connection"},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, sinks.Retryable, "connection"},
		{&net.DNSError{Name: "es-1", IsNotFound: true}, sinks.Retryable, "dns"},
		{context.Canceled, sinks.Retryable, "canceled"},
		{context.DeadlineExceeded, sinks.Retryable, "timeout"},
		{outbound.ErrLongAnswer, sinks.Retryable, "answer"},
		{outbound.ErrAddress, sinks.Permanent, "address"},
		{http.ErrSchemeMismatch, sinks.Permanent, "handshake"},
		{x509.UnknownAuthorityError{}, sinks.Permanent, "certificate"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "es"}, sinks.Permanent, "certificate"},
	} {
		e := transportError(op, fmt.Errorf("wrapped: %w", tt.err))
		if e.Kind != tt.want || e.Reason != tt.reason || e.Kind == sinks.Permanent && e.Hint == "" {
			t.Errorf("%v: %v, %s, %q; want %v, %s", tt.err, e.Kind, e.Reason, e.Hint, tt.want, tt.reason)
		}
	}
}

func TestWordsFromOutsideFitIntoAMessage(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "no reason was given",
		"a\n\x1b[31mb\x00\xff c":   "a [31mb c",
		strings.Repeat("ü", 10000): strings.Repeat("ü", longestExcerpt/2) + "…",
	} {
		if got := excerpt(in); got != want {
			t.Errorf("excerpt(%.20q) = %.40q", in, got)
		}
	}
}
