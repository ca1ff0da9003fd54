package splunk

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// The codes that Splunk documents, with the statuses they come with, and
// answers that are not of a collector.
func TestAnswersAreClassified(t *testing.T) {
	code := func(n int) string { return fmt.Sprintf(`{"text":"some text","code":%d}`, n) }
	const r, th, p, bi = sinks.Retryable, sinks.Throttled, sinks.Permanent, sinks.Bisect
	for _, test := range []struct {
		status  int
		body    string
		kind    sinks.Kind
		reason  string
		hint    string
		success bool
		data    bool
	}{
		{200, code(0), r, "", "", true, false},
		{403, code(1), p, codeDisabledToken, "enable the token", false, false},
		{401, code(2), p, codeInvalidToken, "hec_token", false, false},
		{401, code(3), p, codeInvalidToken, "hec_token", false, false},
		{403, code(4), p, codeInvalidToken, "hec_token", false, false},
		{400, code(5), bi, codeFormat, "", false, true},
		{400, code(6), bi, codeFormat, "", false, true},
		{400, code(7), bi, codeIndex, "", false, true},
		{500, code(8), r, codeServer, "", false, false},
		{503, code(9), th, codeBusy, "", false, false},
		{400, code(10), p, codeChannel, "hec_acknowledgments", false, false},
		{400, code(11), p, codeChannel, "sticky", false, false},
		{400, code(12), bi, codeFormat, "", false, true},
		{400, code(13), bi, codeFormat, "", false, true},
		{400, code(14), p, codeNoAcks, "hec_acknowledgments", false, false},
		{400, code(15), bi, codeFormat, "", false, true},
		{400, code(16), p, codeInvalidToken, "hec_token", false, false},
		{200, code(17), r, codeAnswer, "", false, false},
		{503, code(18), th, codeBusy, "", false, false},
		{503, code(19), r, codeServer, "", false, false},
		{503, code(20), th, codeBusy, "", false, false},
		{400, code(21), p, codeInvalidToken, "hec_token", false, false},
		{400, code(22), p, codeDisabledToken, "enable the token", false, false},
		{503, code(23), r, codeServer, "", false, false},
		{200, code(24), r, "", "", true, false},
		{200, code(25), r, "", "", true, false},
		{429, code(26), th, codeBusy, "", false, false},
		{429, code(27), th, codeBusy, "", false, false},
		{400, code(28), p, codeChannel, "sticky", false, false},

		// A code that nobody has heard of, and a status that contradicts it.
		{400, code(99), r, codeServer, "", false, false},
		{200, code(99), r, codeAnswer, "hec_endpoint", false, false},
		{500, code(0), r, codeServer, "", false, false},

		{401, "", p, codeInvalidToken, "hec_token", false, false},
		{403, "<html>", p, codeInvalidToken, "hec_token", false, false},
		{407, "", p, codeEndpoint, "HTTPS_PROXY", false, false},
		{404, code(404), p, codeNotFound, "hec_endpoint", false, false},
		{405, "", p, codeNotFound, "hec_endpoint", false, false},
		{301, "", p, codeEndpoint, "redirects", false, false},
		{308, "", p, codeEndpoint, "redirects", false, false},
		{307, "", r, codeServer, "", false, false},
		{413, code(413), bi, codeTooLarge, "", false, false},
		{415, "<html>", p, codeFormat, "content_encoding", false, false},
		{418, "", r, codeServer, "", false, false},
		{429, "", th, codeBusy, "", false, false},
		{500, "oops", r, codeServer, "", false, false},
		{502, "<html>bad gateway</html>", r, codeServer, "", false, false},
		{503, "", r, codeServer, "", false, false},
		{200, "", r, codeAnswer, "hec_endpoint", false, false},
		{200, "<html>welcome</html>", r, codeAnswer, "hec_endpoint", false, false},
		{200, `{"acknowledged":true}`, r, codeAnswer, "hec_endpoint", false, false},
	} {
		a := readAnswer(&http.Response{StatusCode: test.status}, []byte(test.body))
		m := a.meaning()
		if m.kind != test.kind || m.reason != test.reason || m.success != test.success || m.data != test.data {
			t.Errorf("%d %s: %+v, want %v %q, success %v, data %v", test.status, test.body, m, test.kind, test.reason, test.success, test.data)
		}
		if !strings.Contains(m.hint, test.hint) || m.kind == sinks.Permanent && m.hint == "" {
			t.Errorf("%d %s: hint %q, want %q", test.status, test.body, m.hint, test.hint)
		}
		if e := a.failed(opPost, m); !strings.Contains(e.Error(), fmt.Sprint(test.status)) {
			t.Errorf("%d %s: the error does not say so: %v", test.status, test.body, e)
		}
	}
}

func TestRetryAfterSlowsDown(t *testing.T) {
	a := readAnswer(&http.Response{StatusCode: 500, Header: http.Header{"Retry-After": {"7"}}}, nil)
	if e := a.failed(opPost, a.meaning()); e.Kind != sinks.Throttled || e.RetryAfter != 7*time.Second {
		t.Errorf("%v after %v, want throttled, after 7s", e.Kind, e.RetryAfter)
	}
}

// What people read of an answer is a line of bounded length.
func TestAnswersAreShownOnALine(t *testing.T) {
	for _, body := range []string{"a\nb\x1b[31m\xff\x00c", strings.Repeat("ü", 100_000), `{"text":"a\n\u0007b","code":6}`} {
		a := readAnswer(&http.Response{StatusCode: 400}, []byte(body))
		if s := a.String(); len(s) > 2*longestExcerpt || !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x1b\x00\a") {
			t.Errorf("%q is shown as %q", body[:min(20, len(body))], s)
		}
	}
}

func TestBlamedEvent(t *testing.T) {
	for _, test := range []struct {
		body string
		row  int
		ok   bool
	}{
		{`{"code":6,"invalid-event-number":0}`, 0, true},
		{`{"code":15,"invalid-event-number":2}`, 2, true},
		{`{"code":7,"invalid-event-number":1}`, 0, true},
		{`{"code":7,"invalid-event-number":3}`, 2, true},
		{`{"code":7,"invalid-event-number":0}`, 0, false},
		{`{"code":6,"invalid-event-number":3}`, 0, false},
		{`{"code":6,"invalid-event-number":-1}`, 0, false},
		{`{"code":6}`, 0, false},
	} {
		row, ok := readAnswer(&http.Response{StatusCode: 400}, []byte(test.body)).blamed(3)
		if ok != test.ok || ok && row != test.row {
			t.Errorf("%s: %d, %v; want %d, %v", test.body, row, ok, test.row, test.ok)
		}
	}
}

func TestRequestsWithoutAnAnswerAreClassified(t *testing.T) {
	get := func(err error) error { return &url.Error{Op: "Post", URL: "https://splunk", Err: err} }
	const r, p = sinks.Retryable, sinks.Permanent
	for _, test := range []struct {
		err    error
		kind   sinks.Kind
		reason string
		hint   string
	}{
		{context.Canceled, r, "canceled", ""},
		{get(context.DeadlineExceeded), r, codeTimeout, "hec_endpoint"},
		{get(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), r, codeEndpoint, "running"},
		{get(&net.DNSError{Name: "splunk", IsNotFound: true}), r, codeEndpoint, "hec_endpoint"},
		{get(x509.UnknownAuthorityError{}), p, codeUnverified, "tls.ca_file"},
		{get(x509.HostnameError{Certificate: &x509.Certificate{}}), p, codeUnverified, "tls.ca_file"},
		{get(&tls.CertificateVerificationError{Err: errors.New("expired")}), p, codeUnverified, "tls.ca_file"},
		{get(tls.RecordHeaderError{}), r, codeHandshake, "https or http"},
		{get(&net.OpError{Op: "remote error", Err: tls.AlertError(40)}), r, codeHandshake, "https or http"},
		{get(&net.OpError{Op: "remote error", Err: tls.AlertError(42)}), p, codeHandshake, "tls.cert_file"},
		{get(http.ErrSchemeMismatch), r, codeHandshake, "https or http"},
		{get(outbound.ErrAddress), p, codeEndpoint, "hec_endpoint"},
		{get(syscall.ECONNRESET), r, codeClosed, ""},
		{get(io.EOF), r, codeClosed, ""},
		{io.ErrUnexpectedEOF, r, codeClosed, ""},
		{errors.New("never seen"), r, codeEndpoint, ""},
	} {
		e := transportError(opPost, test.err)
		if e.Kind != test.kind || e.Reason != test.reason || !strings.Contains(e.Hint, test.hint) {
			t.Errorf("%v: %v %q (%s), want %v %q (%s)", test.err, e.Kind, e.Reason, e.Hint, test.kind, test.reason, test.hint)
		}
	}
}

// An answer is a stranger's text.
func FuzzAnswersNeverPanic(f *testing.F) {
	for n := range 30 {
		f.Add(400, []byte(fmt.Sprintf(`{"text":"x","code":%d,"invalid-event-number":1,"ackId":0}`, n)))
	}
	f.Add(200, []byte(`{"acks":{"0":true}}`))
	f.Add(200, []byte(`{"text":5,"code":"6","ackId":"7"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := readAnswer(&http.Response{StatusCode: status}, body)
		m := a.meaning()
		if m.data && a.Code == nil {
			t.Error("an event is blamed without a code")
		}
		if m.success && (status < 200 || status > 299) {
			t.Errorf("status %d is a success", status)
		}
		_ = a.acks()
		if row, ok := 0, false; m.data {
			if row, ok = a.blamed(3); ok && (row < 0 || row > 2) {
				t.Errorf("row %d of 3 is blamed", row)
			}
		}
		if s := a.failed(opPost, m).Error(); bytes.ContainsAny([]byte(s), "\n\r") {
			t.Errorf("error of several lines: %q", s)
		}
	})
}
