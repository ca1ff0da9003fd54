package httpendpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

const op = "deliver to HTTP endpoint"

// The error codes that Firehose documents, and two of ours for records that
// get into no request.
const (
	codeDestination  = "HttpEndpoint.DestinationException"
	codeStatus       = "HttpEndpoint.InvalidStatusCode"
	codeInvalid      = "HttpEndpoint.InvalidResponseFromDestination"
	codeReason       = "HttpEndpoint.ResponseReasonPhraseExceededLimit"
	codeLarge        = "HttpEndpoint.ResponseTooLarge"
	codeTimeout      = "HttpEndpoint.RequestTimeout"
	codeConnection   = "HttpEndpoint.ConnectionFailed"
	codeReset        = "HttpEndpoint.ConnectionReset"
	codeTLSHandshake = "HttpEndpoint.SSLHandshakeFailure"

	codeMalformed = "HttpEndpoint.MalformedData"
	codeTooLarge  = "HttpEndpoint.RecordTooLarge"
)

const (
	hintKey      = "correct destination.http_endpoint.access_key, or let the endpoint accept it"
	hintLogin    = "correct bearer_token, username and password or secret_headers of destination.http_endpoint"
	hintProxy    = "give the proxy's credentials in HTTPS_PROXY"
	hintURL      = "check destination.http_endpoint.url"
	hintMoved    = "correct destination.http_endpoint.url: redirects are not followed"
	hintSize     = "make destination.http_endpoint.request_configuration.max_size smaller"
	hintContract = "the endpoint must answer as Firehose demands; for other services set destination.http_endpoint.format"
	hintAddress  = "correct destination.http_endpoint.url, or list the address in addresses.allow"
	hintTrust    = "set destination.http_endpoint.tls.ca_file to the certificate of the endpoint's authority, or correct the url"
	hintShow     = "give a certificate that the endpoint accepts in destination.http_endpoint.tls.cert_file"
)

// rules say what an answer means.
type rules struct {
	contract bool // answers follow Firehose's contract
	codes    StatusCodes
	secrets  []string // to be kept out of messages
}

// rules for one request, with the secrets as they are now.
func (c *Config) rules() *rules {
	return &rules{contract: c.Format == Firehose, codes: c.StatusCodes, secrets: c.secrets()}
}

// classify says what became of a request, for the delivery and for people: nil
// if it was taken. Without resp there was no answer; with it, err is about the
// answer's body.
func (r *rules) classify(id string, resp *http.Response, answer []byte, err error) *sinks.Error {
	if resp == nil {
		return transportError(op, err)
	}
	if !r.success(resp.StatusCode) {
		return r.refusal(resp, answer)
	}
	if !r.contract {
		return nil // the status says it all
	}
	if errors.Is(err, outbound.ErrLongAnswer) {
		return &sinks.Error{Op: op, Reason: codeLarge, Hint: hintContract, Err: err}
	}
	if err != nil {
		return transportError(op, fmt.Errorf("read answer: %w", err))
	}
	reason, err := checkContract(id, resp, answer)
	if err != nil {
		return &sinks.Error{Op: op, Reason: reason, Hint: hintContract, Err: fmt.Errorf("%w: %s", err, r.excerpt(answer))}
	}
	return nil
}

// success reports whether a status means that the records are taken.
func (r *rules) success(code int) bool {
	switch {
	case includes(r.codes.Retry, code), includes(r.codes.Reject, code), includes(r.codes.Hold, code):
		return false
	case r.contract:
		return code == http.StatusOK
	}
	return includes(r.codes.Success, code)
}

// refusal is for all other statuses. What is not known is tried again.
func (r *rules) refusal(resp *http.Response, answer []byte) *sinks.Error {
	code := resp.StatusCode
	e := &sinks.Error{
		Op: op, Reason: codeDestination, RetryAfter: outbound.RetryAfter(resp.Header), Hint: r.hint(code),
		Err: fmt.Errorf("the endpoint answered %d: %s", code, r.excerpt(answer)),
	}
	switch {
	case includes(r.codes.Retry, code):
	case includes(r.codes.Reject, code):
		e.Kind = sinks.Bisect
	case includes(r.codes.Hold, code), isLogin(code):
		e.Kind = sinks.Permanent
	case code == http.StatusRequestEntityTooLarge:
		e.Kind = sinks.Bisect
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && e.RetryAfter > 0:
		e.Kind = sinks.Throttled
	case code < 200 || code > 599:
		e.Reason = codeStatus
	}
	return e
}

// isLogin reports whether a status is about credentials.
func isLogin(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired
}

func (r *rules) hint(code int) string {
	switch code {
	case http.StatusProxyAuthRequired:
		return hintProxy
	case http.StatusUnauthorized, http.StatusForbidden:
		if r.contract {
			return hintKey
		}
		return hintLogin
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return hintURL
	case http.StatusRequestEntityTooLarge:
		return hintSize
	}
	if code >= 300 && code < 400 {
		return hintMoved
	}
	if includes(r.codes.Hold, code) {
		return "mend the endpoint, or take the status from destination.http_endpoint.status_codes.hold"
	}
	return ""
}

const longestReason = 64 // of the phrase behind a status

// checkContract checks an answer with the status 200. Parameters of the content
// type are let pass: many frameworks write a charset.
func checkContract(id string, resp *http.Response, answer []byte) (reason string, err error) {
	if _, phrase, _ := strings.Cut(resp.Status, " "); len(phrase) > longestReason {
		return codeReason, fmt.Errorf("the reason phrase of the answer is longer than %d characters", longestReason)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return codeInvalid, fmt.Errorf("the content type of the answer is %.100q, not application/json", resp.Header.Get("Content-Type"))
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return codeInvalid, fmt.Errorf("the answer has the content encoding %.100q", e)
	}
	var members map[string]json.RawMessage // a struct would take names in any letter case
	if err := json.Unmarshal(answer, &members); err != nil {
		return codeInvalid, errors.New("the answer is no JSON object")
	}
	var got string
	if json.Unmarshal(members["requestId"], &got) != nil || got != id {
		return codeInvalid, fmt.Errorf("the answer does not repeat the request id %s", id)
	}
	var timestamp json.Number
	if t := members["timestamp"]; len(t) == 0 || t[0] == '"' || json.Unmarshal(t, &timestamp) != nil || timestamp == "" {
		return codeInvalid, errors.New("the answer has no numeric timestamp")
	}
	return "", nil
}

// transportError is for requests without an answer. Whether they had an effect
// is not known; the request id tells the endpoint when they come again.
func transportError(op string, err error) *sinks.Error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // the URL may hold a token
	}
	e := &sinks.Error{Op: op, Reason: codeConnection, Hint: hintURL, Err: err}
	t := outbound.TroubleOf(err)
	if t.Permanent() {
		e.Kind = sinks.Permanent
	}
	switch t {
	case outbound.Forbidden:
		e.Hint = hintAddress
	case outbound.Untrusted:
		e.Reason, e.Hint = codeTLSHandshake, hintTrust
	case outbound.Rejected:
		e.Reason, e.Hint = codeTLSHandshake, hintShow
	case outbound.Handshake:
		e.Reason = codeTLSHandshake
	case outbound.Canceled:
		e.Reason, e.Hint = "canceled", ""
	case outbound.Timeout:
		e.Reason, e.Hint = codeTimeout, "the endpoint has destination.http_endpoint.request_timeout to answer"
	case outbound.Cut:
		e.Reason, e.Hint = codeReset, ""
	}
	return e
}

// longestExcerpt is how much of an answer goes into a message, in bytes.
const longestExcerpt = 512

// excerpt makes an answer fit for a message: short, printable, and without what
// an endpoint that repeats requests would give away.
func (r *rules) excerpt(answer []byte) string {
	text := string(answer)
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == utf8.RuneError || !unicode.IsPrint(c) }), " ")
	if text == "" {
		return "no text"
	}
	if len(text) > longestExcerpt {
		text = strings.ToValidUTF8(text[:longestExcerpt], "") + "…"
	}
	return text
}
