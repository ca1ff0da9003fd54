package firehose

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signature Version 4 in the one form this API needs: the Authorization
// header, over a body that is there in full. Unsigned, streamed and presigned
// requests are refused. Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
const (
	algorithm  = "AWS4-HMAC-SHA256"
	service    = "firehose"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	maxSkew    = 5 * time.Minute
)

func unauthorized(code, message string) *apiError {
	return &apiError{http.StatusForbidden, code, message}
}

func incomplete(message string) *apiError {
	return unauthorized("IncompleteSignature", message)
}

func badSignature(message string) *apiError {
	return unauthorized("InvalidSignatureException", message)
}

// verify finds out who signed a request. body is what came over the wire,
// before any Content-Encoding is undone.
func (k *keyring) verify(r *http.Request, body []byte, now time.Time) (*principal, *apiError) {
	if k.anyone != nil {
		return k.anyone, nil
	}
	a, refusal := k.claim(r, now)
	if refusal != nil {
		return nil, refusal
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	canonical, refusal := canonicalRequest(r, a.signed, payload)
	if refusal != nil {
		return nil, refusal
	}
	who, known := k.byID[a.id]
	if !known {
		who = k.decoy
	}
	want := who.signerFor(a.date, a.region).sign(r.Header.Get("X-Amz-Date"), canonical)
	same := subtle.ConstantTimeCompare(want, []byte(a.signature)) == 1
	switch {
	case !known:
		return nil, unauthorized("UnrecognizedClientException", "The security token included in the request is invalid.")
	case !same:
		return nil, badSignature("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	if v := r.Header.Get("X-Amz-Content-Sha256"); v != "" && v != payload {
		return nil, badSignature("The value of x-amz-content-sha256 is not the SHA-256 of the body.")
	}
	return who, nil
}

// claim reads what a request says about its signature and checks everything
// that needs no key.
func (k *keyring) claim(r *http.Request, now time.Time) (authorization, *apiError) {
	var a authorization
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return a, badSignature("This API takes no query string; sign with the Authorization header.")
	}
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return a, unauthorized("MissingAuthenticationToken", "Missing Authentication Token")
	}
	if len(values) > 1 {
		return a, incomplete("The Authorization header is there more than once.")
	}
	a, refusal := parseAuthorization(values[0])
	if refusal != nil {
		return a, refusal
	}
	for _, name := range []string{"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} {
		required := name != "x-amz-security-token" || r.Header["X-Amz-Security-Token"] != nil
		if required && !slices.Contains(a.signed, name) {
			return a, badSignature("The header '" + name + "' must be signed.")
		}
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(timeFormat, date)
	if err != nil || len(date) != len(timeFormat) {
		return a, incomplete("Date must be in ISO-8601 'basic format'.")
	}
	switch {
	case a.region != k.region:
		return a, badSignature("Credential should be scoped to a valid region, here '" + k.region + "'.")
	case a.service != service:
		return a, badSignature("Credential should be scoped to correct service: '" + service + "'.")
	case a.terminator != terminator:
		return a, badSignature("Credential should be scoped with a valid terminator: '" + terminator + "'.")
	case a.date != date[:8]:
		return a, badSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
	case now.Sub(at) > maxSkew:
		return a, badSignature("Signature expired: " + date + " is now earlier than " + now.Add(-maxSkew).UTC().Format(timeFormat) +
			" (" + now.UTC().Format(timeFormat) + " - 5 min.)")
	case at.Sub(now) > maxSkew:
		return a, badSignature("Signature not yet current: " + date + " is still later than " + now.Add(maxSkew).UTC().Format(timeFormat) +
			" (" + now.UTC().Format(timeFormat) + " + 5 min.)")
	}
	return a, nil
}

// authorization is a taken-apart Authorization header.
type authorization struct {
	id, date, region, service, terminator string // Credential
	signed                                []string
	signature                             string
}

func parseAuthorization(header string) (authorization, *apiError) {
	var a authorization
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return a, incomplete("The algorithm of the Authorization header must be " + algorithm + ".")
	}
	var credential, signed string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		var into *string
		switch name {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &signed
		case "Signature":
			into = &a.signature
		}
		if into == nil || *into != "" {
			return a, incomplete("Authorization header takes 'Credential', 'SignedHeaders' and 'Signature', each once.")
		}
		*into = value
	}
	switch "" {
	case credential:
		return a, incomplete("Authorization header requires 'Credential' parameter.")
	case signed:
		return a, incomplete("Authorization header requires 'SignedHeaders' parameter.")
	case a.signature:
		return a, incomplete("Authorization header requires 'Signature' parameter.")
	}
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || slices.Contains(scope, "") {
		return a, incomplete("Credential must have exactly 5 slash-delimited elements: key/date/region/service/" + terminator + ".")
	}
	a.id, a.date, a.region, a.service, a.terminator = scope[0], scope[1], scope[2], scope[3], scope[4]
	a.signed = strings.Split(signed, ";")
	for i, name := range a.signed {
		if name == "" || name != strings.ToLower(name) || i > 0 && a.signed[i-1] >= name {
			return a, incomplete("SignedHeaders must be lower case, sorted and without repetition.")
		}
	}
	return a, nil
}

// canonicalRequest builds the text that is signed. A signed header that is
// missing or there twice has no single meaning and is refused.
func canonicalRequest(r *http.Request, signed []string, payloadHash string) ([]byte, *apiError) {
	b := make([]byte, 0, 1024)
	b = append(b, r.Method...)
	b = append(b, "\n"+"/"+"\n\n"...)
	for _, name := range signed {
		b = append(append(b, name...), ':')
		values := r.Header[http.CanonicalHeaderKey(name)]
		switch {
		case name == "host":
			b = appendTrimmed(b, r.Host)
		case name == "content-length":
			b = strconv.AppendInt(b, r.ContentLength, 10)
		case len(values) != 1:
			return nil, badSignature("The signed header '" + name + "' must be there once.")
		default:
			b = appendTrimmed(b, values[0])
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range signed {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payloadHash...), nil
}

// appendTrimmed appends a header value without outer and double spaces.
func appendTrimmed(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			b = append(b, value[i])
		}
	}
	return b
}

// signer is the signing key of one secret for one day and region.
type signer struct {
	date, region string
	key          []byte
}

// signerFor returns the principal's signer. The last one is kept: four hashes
// less per request, and dates outside the clock skew never get here.
func (p *principal) signerFor(date, region string) *signer {
	if s := p.signer.Load(); s != nil && s.date == date && s.region == region {
		return s
	}
	key := mac([]byte("AWS4"+p.secret), date)
	for _, part := range []string{region, service, terminator} {
		key = mac(key, part)
	}
	s := &signer{date, region, key}
	p.signer.Store(s)
	return s
}

// sign returns the signature in hex.
func (s *signer) sign(at string, canonical []byte) []byte {
	sum := sha256.Sum256(canonical)
	text := algorithm + "\n" + at + "\n" + s.date + "/" + s.region + "/" + service + "/" + terminator + "\n" + hex.EncodeToString(sum[:])
	return hex.AppendEncode(nil, mac(s.key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
