package httpendpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

const testID = "3a8e1c44-0000-8000-8000-000000000001"

func answered(status int, headers ...string) *http.Response {
	r := &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Header: http.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// TestFirehoseAnswers has a row for all that the contract says about answers.
func TestFirehoseAnswers(t *testing.T) {
	good := `{"requestId":"` + testID + `","timestamp":1578090903599}`
	r := rules{contract: true, codes: Default().(*Config).StatusCodes}
	for _, test := range []struct {
		name   string
		resp   *http.Response
		body   string
		err    error
		kind   sinks.Kind
		reason string // "" if the records are taken
		text   string // in the error
	}{
		{name: "taken", resp: answered(200, "Content-Type", "application/json"), body: good},
		{name: "with a charset", resp: answered(200, "Content-Type", "application/json; charset=utf-8"), body: " " + good + "\n"},
		{name: "more members", resp: answered(200, "Content-Type", "application/json"), body: `{"x":[{}],` + good[1:]},
		{name: "a fraction", resp: answered(200, "Content-Type", "application/json"), body: strings.Replace(good, "1578090903599", "1.5e12", 1)},
		{name: "identity", resp: answered(200, "Content-Type", "application/json", "Content-Encoding", "identity"), body: good},

		{name: "another id", resp: answered(200, "Content-Type", "application/json"), body: strings.Replace(good, "3a8e", "4a8e", 1), reason: codeInvalid, text: "does not repeat the request id"},
		{name: "id in another letter case", resp: answered(200, "Content-Type", "application/json"), body: strings.Replace(good, "requestId", "requestID", 1), reason: codeInvalid, text: "does not repeat"},
		{name: "no id", resp: answered(200, "Content-Type", "application/json"), body: `{"timestamp":1}`, reason: codeInvalid, text: "does not repeat"},
		{name: "no timestamp", resp: answered(200, "Content-Type", "application/json"), body: `{"requestId":"` + testID + `"}`, reason: codeInvalid, text: "no numeric timestamp"},
		{name: "timestamp a text", resp: answered(200, "Content-Type", "application/json"), body: strings.Replace(good, "1578090903599", `"1578090903599"`, 1), reason: codeInvalid, text: "no numeric timestamp"},
		{name: "timestamp null", resp: answered(200, "Content-Type", "application/json"), body: strings.Replace(good, "1578090903599", "null", 1), reason: codeInvalid, text: "no numeric timestamp"},
		{name: "empty", resp: answered(200, "Content-Type", "application/json"), reason: codeInvalid, text: "no JSON object: no text"},
		{name: "array", resp: answered(200, "Content-Type", "application/json"), body: "[" + good + "]", reason: codeInvalid, text: "no JSON object"},
		{name: "cut off", resp: answered(200, "Content-Type", "application/json"), body: good[:40], reason: codeInvalid, text: "no JSON object"},
		{name: "two", resp: answered(200, "Content-Type", "application/json"), body: good + good, reason: codeInvalid, text: "no JSON object"},
		{name: "HTML", resp: answered(200, "Content-Type", "text/html"), body: "<html>\n<p>welcome\x1b[31m", reason: codeInvalid, text: "<html> <p>welcome [31m"},
		{name: "no content type", resp: answered(200), body: good, reason: codeInvalid, text: `content type of the answer is ""`},
		{name: "compressed", resp: answered(200, "Content-Type", "application/json", "Content-Encoding", "gzip"), body: good, reason: codeInvalid, text: "content encoding"},
		{name: "long phrase", resp: &http.Response{StatusCode: 200, Status: "200 " + strings.Repeat("x", 65)}, body: good, reason: codeReason, text: "64 characters"},
		{name: "large", resp: answered(200), err: outbound.ErrLongAnswer, reason: codeLarge},
		{name: "truncated", resp: answered(200), body: good[:9], err: io.ErrUnexpectedEOF, reason: codeReset, text: "read answer"},

		{name: "201", resp: answered(201, "Content-Type", "application/json"), body: good, reason: codeDestination, text: "201"},
		{name: "204", resp: answered(204), reason: codeDestination},
		{name: "301", resp: answered(301, "Location", "https://elsewhere"), reason: codeDestination, text: "redirects are not followed"},
		{name: "302", resp: answered(302), reason: codeDestination},
		{name: "307", resp: answered(307), reason: codeDestination},
		{name: "308", resp: answered(308), reason: codeDestination},
		{name: "400", resp: answered(400), body: `{"errorMessage":"what?"}`, reason: codeDestination, text: `answered 400: {"errorMessage":"what?"}`},
		{name: "401", resp: answered(401), kind: sinks.Permanent, reason: codeDestination, text: "access_key"},
		{name: "403", resp: answered(403), kind: sinks.Permanent, reason: codeDestination, text: "access_key"},
		{name: "404", resp: answered(404), reason: codeDestination, text: "http_endpoint.url"},
		{name: "407", resp: answered(407), kind: sinks.Permanent, reason: codeDestination},
		{name: "408", resp: answered(408), reason: codeDestination},
		{name: "413", resp: answered(413), kind: sinks.Bisect, reason: codeDestination, text: "max_size"},
		{name: "413, answer cut off", resp: answered(413), err: io.ErrUnexpectedEOF, kind: sinks.Bisect, reason: codeDestination},
		{name: "429", resp: answered(429), kind: sinks.Throttled, reason: codeDestination},
		{name: "500", resp: answered(500), reason: codeDestination},
		{name: "503", resp: answered(503), reason: codeDestination},
		{name: "503, later", resp: answered(503, "Retry-After", "5"), kind: sinks.Throttled, reason: codeDestination},
		{name: "504", resp: answered(504), reason: codeDestination},
		{name: "999", resp: answered(999), reason: codeStatus},
		{name: "600", resp: answered(600), reason: codeStatus},
	} {
		e := r.classify(testID, test.resp, []byte(test.body), test.err)
		if test.reason == "" {
			if e != nil {
				t.Errorf("%s: %v, want success", test.name, e)
			}
			continue
		}
		if e == nil || e.Kind != test.kind || e.Reason != test.reason || !strings.Contains(e.Error(), test.text) {
			t.Errorf("%s: %+v, want %v, %s, %q", test.name, e, test.kind, test.reason, test.text)
		}
	}
}

func TestPlainAnswers(t *testing.T) {
	codes := Default().(*Config).StatusCodes
	codes.Retry = []Status{{403, 403}, {202, 202}}
	codes.Reject = []Status{{400, 400}, {422, 422}}
	codes.Hold = append(codes.Hold, Status{404, 404})
	r := rules{codes: codes}
	for status, want := range map[int]sinks.Kind{
		202: sinks.Retryable, 302: sinks.Retryable, 400: sinks.Bisect, 401: sinks.Permanent, 403: sinks.Retryable, 404: sinks.Permanent,
		409: sinks.Retryable, 413: sinks.Bisect, 422: sinks.Bisect, 429: sinks.Throttled, 500: sinks.Retryable,
	} {
		if e := r.classify(testID, answered(status), nil, nil); e == nil || e.Kind != want || e.Kind == sinks.Permanent && e.Hint == "" {
			t.Errorf("%d: %+v, want %v", status, e, want)
		}
	}
	for _, status := range []int{200, 201, 204} {
		if e := r.classify(testID, answered(status), []byte("ok"), outbound.ErrLongAnswer); e != nil {
			t.Errorf("%d: %v", status, e)
		}
	}
	r.codes.Success = []Status{{200, 200}, {409, 409}}
	if e := r.classify(testID, answered(409), nil, nil); e != nil {
		t.Errorf("409 is success by configuration: %v", e)
	}
	if e := r.classify(testID, answered(204), nil, nil); e == nil {
		t.Error("204 is no success by configuration")
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	r := rules{contract: true}
	for _, status := range []int{429, 500, 503} {
		if e := r.classify(testID, answered(status, "Retry-After", "11"), nil, nil); e.RetryAfter != 11*time.Second {
			t.Errorf("%d: after %v", status, e.RetryAfter)
		}
	}
}

// timeout is a net.Error like those of package net.
type timeout struct{ error }

func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestRequestsWithoutAnAnswer(t *testing.T) {
	wrapped := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://host/?token=canary", Err: err}
	}
	for _, test := range []struct {
		err    error
		kind   sinks.Kind
		reason string
	}{
		{&net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}, sinks.Retryable, codeConnection},
		{&net.OpError{Op: "dial", Err: timeout{errors.New("i/o timeout")}}, sinks.Retryable, codeConnection},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x"}}, sinks.Retryable, codeConnection},
		{&net.OpError{Op: "dial", Err: outbound.ErrAddress}, sinks.Permanent, codeConnection},
		{context.DeadlineExceeded, sinks.Retryable, codeTimeout},
		{&net.OpError{Op: "read", Err: timeout{errors.New("i/o timeout")}}, sinks.Retryable, codeTimeout},
		{context.Canceled, sinks.Retryable, "canceled"},
		{io.EOF, sinks.Retryable, codeReset},
		{io.ErrUnexpectedEOF, sinks.Retryable, codeReset},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, sinks.Retryable, codeReset},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, sinks.Retryable, codeReset},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, sinks.Permanent, codeTLSHandshake},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, sinks.Permanent, codeTLSHandshake},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, sinks.Retryable, codeTLSHandshake},
		{http.ErrSchemeMismatch, sinks.Retryable, codeTLSHandshake},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, sinks.Retryable, codeTLSHandshake}, // handshake failure
		{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, sinks.Permanent, codeTLSHandshake}, // bad certificate
		{errors.New("something else"), sinks.Retryable, codeConnection},
	} {
		e := (&rules{}).classify(testID, nil, nil, wrapped(test.err))
		if e.Kind != test.kind || e.Reason != test.reason || strings.Contains(e.Error(), "canary") {
			t.Errorf("%v: %v (%v, %s), want %v, %s", test.err, e, e.Kind, e.Reason, test.kind, test.reason)
		}
	}
}

// What stands in the query of the URL may be a token; endpoints repeat URLs that
// they do not know.
func TestTokenOfTheURLIsKeptOutOfMessages(t *testing.T) {
	c := Default().(*Config)
	c.URL = "https://endpoint/in?source=hydrant&key=canary%2Fcanary"
	got := c.rules().excerpt([]byte("Cannot POST /in?source=hydrant&key=canary%2Fcanary: canary/canary"))
	if want := "Cannot POST /in?source=hydrant&key=***: ***"; got != want {
		t.Errorf("excerpt %q, want %q", got, want)
	}
}

// An answer is a stranger's text: whatever it is, only one that repeats the
// request id beside a number is a success, and no other ends in panic.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"requestId":"` + testID + `","timestamp":1578090903599}`, `{"requestId":"x","timestamp":1}`, `{"timestamp":1,"requestId":null}`, "", "[]", "<html>",
		`{"requestId":"` + testID + `","timestamp":"1"}`, `{"requestId":"` + testID + `","timestamp":-1e9,"requestId":"x"}`, "\xff{}",
	} {
		f.Add(200, "application/json", "0", []byte(body))
		f.Add(503, "text/html; charset", "-7", []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, media, later string, body []byte) {
		for _, format := range []Format{Firehose, NDJSON} {
			c := Default().(*Config)
			c.Format = format
			e := c.rules().classify(testID, answered(status, "Content-Type", media, "Retry-After", later), body, nil)
			if e == nil {
				var good struct {
					RequestID string
					Timestamp json.Number
				}
				if format == NDJSON && (status < 200 || status > 299) ||
					format == Firehose && (status != 200 || json.Unmarshal(body, &good) != nil || !bytes.Contains(body, []byte(testID)) && good.RequestID != testID) {
					t.Fatalf("%s: %d %q %q is a success", format, status, media, body)
				}
				continue
			}
			if e.Reason == "" || e.RetryAfter < 0 || strings.ContainsAny(e.Error(), "\n\r\x1b") || len(e.Error()) > 2000 || !utf8.ValidString(e.Error()) {
				t.Errorf("%s: %d %q: %+v", format, status, body, e)
			}
		}
	})
}

func TestExcerptsAreShortAndKeepSecrets(t *testing.T) {
	r := rules{secrets: []string{"canary"}}
	for in, want := range map[string]string{
		"":                               "no text",
		" \n\x00":                        "no text",
		"key canary is\n  wrong\x1b[0m":  "key *** is wrong [0m",
		"\xff\xfeü":                      "ü",
		strings.Repeat("canary", 10_000): strings.Repeat("***", 170) + "**…",
		strings.Repeat("ü", 300):         strings.Repeat("ü", 256) + "…",
		"a" + strings.Repeat("ü", 300):   "a" + strings.Repeat("ü", 255) + "…",
	} {
		if got := r.excerpt([]byte(in)); got != want {
			t.Errorf("excerpt(%.50q) = %q, want %q", in, got, want)
		}
	}
}
