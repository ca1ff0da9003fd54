package splunk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// What is tried.
const (
	opPost   = "post events"
	opAck    = "poll acknowledgment"
	opAsk    = "ask for acknowledgments"
	opHealth = "ask for health"
)

// The error codes that Firehose documents.
const (
	codeAckTimeout    = "Splunk.AckTimeout"
	codeNoAcks        = "Splunk.AcknowledgementsDisabled"
	codeDisabledToken = "Splunk.DisabledToken"
	codeInvalidToken  = "Splunk.InvalidToken"
	codeFormat        = "Splunk.InvalidDataFormat"
	codeIndex         = "Splunk.InvalidIndex"
	codeServer        = "Splunk.ServerError"
	codeTooLarge      = "Splunk.ServerError.ContentTooLarge"
	codeBusy          = "Splunk.IndexerBusy"
	codeTimeout       = "Splunk.ConnectionTimeout"
	codeClosed        = "Splunk.ConnectionClosed"
	codeEndpoint      = "Splunk.InvalidEndpoint"
	codeNotFound      = "Splunk.URLNotFound"
	codeUnverified    = "Splunk.SSLUnverified"
	codeHandshake     = "Splunk.SSLHandshake"
	codeAnswer        = "Splunk.InvalidHecResponseCharacter"
	codeChannel       = "Splunk.InvalidChannel" // not Firehose's, which has none
)

const (
	hintToken      = "correct destination.splunk.hec_token"
	hintEnable     = "enable the token in Splunk: Settings, Data inputs, HTTP Event Collector"
	hintAcks       = "enable indexer acknowledgment for the token in Splunk, or set destination.splunk.hec_acknowledgments to if_available"
	hintWantsAcks  = "the token wants acknowledgments: set destination.splunk.hec_acknowledgments to required; a load balancer must be sticky and pass " + channelHeader + " on"
	hintAckTimeout = "if it stays: a load balancer before the collectors must be sticky, and indexers must have time to index within destination.splunk.hec_acknowledgment_timeout"
	hintIndex      = "allow the index for the token in Splunk, or correct destination.splunk.event.index"
	hintURL        = "check destination.splunk.hec_endpoint"
	hintMoved      = "correct destination.splunk.hec_endpoint: redirects are not followed"
	hintAddress    = "correct destination.splunk.hec_endpoint, or list the address in addresses.allow"
	hintShow       = "give a certificate that Splunk accepts in destination.splunk.tls.cert_file"
	hintTrust      = "set destination.splunk.tls.ca_file to the certificate of Splunk's authority, or correct the endpoint"
	hintEncoding   = "set destination.splunk.content_encoding to NONE"
)

// meaning is what an answer says to us.
type meaning struct {
	kind    sinks.Kind
	reason  string
	hint    string
	success bool // all events were taken
	data    bool // some event is at fault; kind is Bisect
}

// meanings of the codes in HEC's answers. All others are judged by their
// status.
//
// Source: help.splunk.com, Troubleshoot HTTP Event Collector, "Possible error
// codes"; 28 is what Splunk Cloud says for 10.
var meanings = map[int]meaning{
	0:  {success: true},
	24: {success: true}, // the queue is nearly full
	25: {success: true}, // so many acknowledgments wait to be asked for

	1:  {kind: sinks.Permanent, reason: codeDisabledToken, hint: hintEnable},
	2:  {kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken},
	3:  {kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken},
	4:  {kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken},
	10: {kind: sinks.Permanent, reason: codeChannel, hint: hintWantsAcks},
	11: {kind: sinks.Permanent, reason: codeChannel, hint: hintWantsAcks},
	14: {kind: sinks.Permanent, reason: codeNoAcks, hint: hintAcks},
	16: {kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken},
	21: {kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken},
	22: {kind: sinks.Permanent, reason: codeDisabledToken, hint: hintEnable},
	28: {kind: sinks.Permanent, reason: codeChannel, hint: hintWantsAcks},

	5:  {kind: sinks.Bisect, reason: codeFormat, data: true},
	6:  {kind: sinks.Bisect, reason: codeFormat, data: true},
	7:  {kind: sinks.Bisect, reason: codeIndex, data: true}, // see Sink.wrongIndex
	12: {kind: sinks.Bisect, reason: codeFormat, data: true},
	13: {kind: sinks.Bisect, reason: codeFormat, data: true},
	15: {kind: sinks.Bisect, reason: codeFormat, data: true},

	8:  {kind: sinks.Retryable, reason: codeServer},
	9:  {kind: sinks.Throttled, reason: codeBusy},
	17: {kind: sinks.Retryable, reason: codeAnswer}, // of the health check: no answer to what we ask
	18: {kind: sinks.Throttled, reason: codeBusy},
	19: {kind: sinks.Retryable, reason: codeServer},
	20: {kind: sinks.Throttled, reason: codeBusy},
	23: {kind: sinks.Retryable, reason: codeServer}, // it is shutting down
	26: {kind: sinks.Throttled, reason: codeBusy},
	27: {kind: sinks.Throttled, reason: codeBusy},
}

// incorrectIndex is the code for an index that does not exist, or that the
// token may not write to.
const incorrectIndex = 7

// ackDisabled is the code for acknowledgments that the token does not have.
const ackDisabled = 14

// byStatus is for answers without a code we know: of proxies, and of other
// products that speak HEC.
func byStatus(status int) meaning {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return meaning{kind: sinks.Permanent, reason: codeInvalidToken, hint: hintToken}
	case http.StatusProxyAuthRequired:
		return meaning{kind: sinks.Permanent, reason: codeEndpoint, hint: "give the proxy's credentials in HTTPS_PROXY"}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return meaning{kind: sinks.Permanent, reason: codeNotFound, hint: hintURL}
	case http.StatusMovedPermanently, http.StatusFound, http.StatusPermanentRedirect:
		return meaning{kind: sinks.Permanent, reason: codeEndpoint, hint: hintMoved}
	case http.StatusRequestEntityTooLarge:
		return meaning{kind: sinks.Bisect, reason: codeTooLarge}
	case http.StatusUnsupportedMediaType:
		return meaning{kind: sinks.Permanent, reason: codeFormat, hint: hintEncoding}
	case http.StatusTooManyRequests:
		return meaning{kind: sinks.Throttled, reason: codeBusy}
	}
	return meaning{reason: codeServer}
}

// answer is what a collector said.
type answer struct {
	Text    string      `json:"text"`
	Code    *int        `json:"code"`
	AckID   json.Number `json:"ackId"`
	Invalid *int        `json:"invalid-event-number"`

	status     int
	retryAfter time.Duration
	cookies    []*http.Cookie
	body       []byte
}

func readAnswer(resp *http.Response, body []byte) *answer {
	a := &answer{}
	if json.Unmarshal(body, a) != nil {
		a = &answer{} // without a code; the status decides
	}
	a.status, a.retryAfter, a.cookies, a.body = resp.StatusCode, outbound.RetryAfter(resp.Header), resp.Cookies(), body
	return a
}

// meaning judges the answer. It is the only place that knows HEC's codes and
// statuses.
func (a *answer) meaning() meaning {
	good := a.status >= 200 && a.status < 300
	m, known := meaning{}, false
	if a.Code != nil {
		m, known = meanings[*a.Code]
	}
	switch {
	case known && (!m.success || good):
	case good:
		m = meaning{reason: codeAnswer, hint: hintURL} // this is no collector
	default:
		m = byStatus(a.status)
	}
	if a.retryAfter > 0 && m.kind == sinks.Retryable {
		m.kind = sinks.Throttled
	}
	return m
}

// failed makes an error of an answer that means no success.
func (a *answer) failed(op string, m meaning) *sinks.Error {
	return &sinks.Error{Kind: m.kind, Op: op, Reason: m.reason, RetryAfter: a.retryAfter, Hint: m.hint, Err: errors.New("the collector answered " + a.String())}
}

// longestExcerpt is how much of an answer goes into a message, in bytes.
const longestExcerpt = 300

// String shows the answer to people.
func (a *answer) String() string {
	text := fmt.Sprint(a.status)
	switch {
	case a.Code != nil:
		text += fmt.Sprintf(", code %d: %s", *a.Code, printable(a.Text))
		if a.Invalid != nil {
			text += fmt.Sprintf(" (event %d)", *a.Invalid)
		}
	case len(a.body) > 0:
		text += ": " + printable(string(a.body[:min(len(a.body), 4*longestExcerpt)]))
	}
	return text
}

// printable makes a text of a stranger fit for a line.
func printable(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == unicode.ReplacementChar }), " ")
	if len(text) > longestExcerpt {
		text = strings.ToValidUTF8(text[:longestExcerpt], "") + "…"
	}
	return text
}

// blamed returns the row of the event that the answer names. Splunk counts
// from 0, but in the answer about the index it names the event behind it
// (seen with versions from 8 to 10.4).
func (a *answer) blamed(rows int) (row int, ok bool) {
	if a.Invalid == nil {
		return 0, false
	}
	row = *a.Invalid
	if *a.Code == incorrectIndex {
		row--
	}
	return row, row >= 0 && row < rows
}

// transportError is for requests without an answer. Whether they had an effect
// is not known.
func transportError(op string, err error) *sinks.Error {
	var called *url.Error
	if errors.As(err, &called) {
		err = called.Err // which URL it was, the hint knows
	}
	e := &sinks.Error{Op: op, Reason: codeEndpoint, Hint: "check that the collector is running and that destination.splunk.hec_endpoint is right", Err: err}
	t := outbound.TroubleOf(err)
	if t.Permanent() {
		e.Kind = sinks.Permanent
	}
	switch t {
	case outbound.Forbidden:
		e.Hint = hintAddress
	case outbound.Untrusted:
		e.Reason, e.Hint = codeUnverified, hintTrust
	case outbound.Rejected:
		e.Reason, e.Hint = codeHandshake, hintShow
	case outbound.Handshake:
		e.Reason, e.Hint = codeHandshake, "check whether destination.splunk.hec_endpoint begins with https or http"
	case outbound.Canceled:
		e.Reason, e.Hint = "canceled", ""
	case outbound.DialTimeout, outbound.Timeout:
		e.Reason = codeTimeout
	case outbound.Cut:
		e.Reason, e.Hint = codeClosed, ""
	}
	return e
}
