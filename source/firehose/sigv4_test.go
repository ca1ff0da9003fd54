package firehose

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
)

const (
	testKey    = "AKIAHYDRANTAPP"
	testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	testBody   = `{"DeliveryStreamName":"web-1","Record":{"Data":"YWJj"}}`
)

func keyed(allow ...string) Config {
	c := Default()
	c.AccessKeys = []AccessKey{
		{ID: testKey, Secret: field.NewSecret(testSecret), Allow: allow},
		{ID: "AKIAOTHER", Secret: field.NewSecret("other secret"), Allow: []string{"*"}},
	}
	return c
}

// signature says how a request is signed by the SDK's own signer.
type signature struct {
	operation, body    string
	key, secret, token string
	service, region    string
	at                 time.Time
	headers            map[string]string // set before signing
	payload            string            // what is signed instead of the hash of the body
}

func (s signature) sign(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost:4573/", strings.NewReader(s.body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", targetPrefix+s.operation)
	for name, value := range s.headers {
		r.Header.Set(name, value)
	}
	sum := sha256.Sum256([]byte(s.body))
	payload := hex.EncodeToString(sum[:])
	if s.payload != "" {
		payload = s.payload
	}
	credentials := aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, r, payload, s.service, s.region, s.at); err != nil {
		t.Fatal(err)
	}
	return r
}

func good() signature {
	return signature{operation: "PutRecord", body: testBody, key: testKey, secret: testSecret, service: "firehose", region: "us-east-1", at: time.Now()}
}

func TestSignedRequestsAreLetIn(t *testing.T) {
	for name, change := range map[string]func(*signature){
		"plain":         func(*signature) {},
		"session token": func(s *signature) { s.token = "a token" },
		"more headers": func(s *signature) {
			s.headers = map[string]string{"X-Extra": "  a   b  ", "Amz-Sdk-Request": "attempt=1; max=3"}
		},
		"payload header": func(s *signature) { s.headers = map[string]string{"X-Amz-Content-Sha256": sha(s.body)} },
		"gzip": func(s *signature) {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			if _, err := io.WriteString(w, s.body); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			s.body, s.headers = b.String(), map[string]string{"Content-Encoding": "gzip"}
		},
		"four minutes late": func(s *signature) { s.at = s.at.Add(-4 * time.Minute) },
		"four minutes fast": func(s *signature) { s.at = s.at.Add(4 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			s, stream := good(), direct()
			change(&s)
			w := httptest.NewRecorder()
			NewHandler(keyed("*"), memoryStreams{"web-1": stream}, Events{}).ServeHTTP(w, s.sign(t))
			if w.Code != 200 || len(stream.stored()) != 1 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Forty requests that are almost right. None may be let in or store a record.
func TestTamperedRequestsAreRefused(t *testing.T) {
	authorization := func(change func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", change(r.Header.Get("Authorization"))) }
	}
	replace := func(old, new string) func(*http.Request) {
		return authorization(func(a string) string {
			if !strings.Contains(a, old) {
				t.Fatalf("%q is not in %q", old, a)
			}
			return strings.Replace(a, old, new, 1)
		})
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	add := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, value) }
	}
	remove := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del(name) }
	}
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s)) }
	}
	query := func(q string) func(*http.Request) { return func(r *http.Request) { r.URL.RawQuery = q } }
	none := func(*http.Request) {}
	const (
		incomplete = "IncompleteSignature"
		missing    = "MissingAuthenticationToken"
		invalid    = "InvalidSignatureException"
		unknown    = "UnrecognizedClientException"
	)
	cases := []struct {
		name   string
		sign   func(*signature) // before signing
		tamper func(*http.Request)
		code   string
	}{
		{"no authorization", nil, remove("Authorization"), missing},
		{"empty authorization", nil, set("Authorization", ""), incomplete},
		{"basic", nil, set("Authorization", "Basic YTpi"), incomplete},
		{"bearer", nil, set("Authorization", "Bearer x"), incomplete},
		{"version 4a", nil, replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), incomplete},
		{"lower case algorithm", nil, replace("AWS4-HMAC-SHA256", "aws4-hmac-sha256"), incomplete},
		{"two authorizations", nil, add("Authorization", "x"), incomplete},
		{"no credential", nil, replace("Credential=", "Credentials="), incomplete},
		{"no signed headers", nil, replace("SignedHeaders=", "X="), incomplete},
		{"no signature", nil, authorization(func(a string) string { return a[:strings.Index(a, ", Signature")] }), incomplete},
		{"empty signature", nil, authorization(func(a string) string { return a[:strings.Index(a, "Signature=")+10] }), incomplete},
		{"signature twice", nil, authorization(func(a string) string { return a + ", Signature=" + strings.Repeat("0", 64) }), incomplete},
		{"short credential", nil, replace("/firehose/", "/"), incomplete},
		{"long credential", nil, replace("/firehose/", "/firehose/x/"), incomplete},
		{"empty key id", nil, replace(testKey, ""), incomplete},
		{"unknown key", func(s *signature) { s.key = "AKIANOBODY" }, none, unknown},
		{"key of somebody else", func(s *signature) { s.key = "AKIAOTHER" }, none, invalid},
		{"key id in lower case", nil, replace(testKey, strings.ToLower(testKey)), unknown},
		{"wrong secret", func(s *signature) { s.secret += "x" }, none, invalid},
		{"empty secret", func(s *signature) { s.secret = "" }, none, invalid},
		{"signature of zeros", nil, authorization(func(a string) string {
			return a[:strings.Index(a, "Signature=")+10] + strings.Repeat("0", 64)
		}), invalid},
		{"signature cut short", nil, authorization(func(a string) string { return a[:len(a)-1] }), invalid},
		{"signature in upper case", nil, authorization(func(a string) string {
			at := strings.Index(a, "Signature=") + 10
			return a[:at] + strings.ToUpper(a[at:])
		}), invalid},
		{"other region", func(s *signature) { s.region = "eu-west-1" }, none, invalid},
		{"other service", func(s *signature) { s.service = "kinesis" }, none, invalid},
		{"other terminator", nil, replace("aws4_request", "aws5_request"), invalid},
		{"other date in scope", nil, replace("/"+time.Now().UTC().Format("20060102")+"/", "/20150830/"), invalid},
		{"expired", func(s *signature) { s.at = s.at.Add(-6 * time.Minute) }, none, invalid},
		{"from the future", func(s *signature) { s.at = s.at.Add(6 * time.Minute) }, none, invalid},
		{"date changed", nil, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Minute).UTC().Format(timeFormat))
		}, invalid},
		{"date in another form", nil, set("X-Amz-Date", time.Now().UTC().Format(http.TimeFormat)), incomplete},
		{"no date", nil, remove("X-Amz-Date"), incomplete},
		{"two dates", nil, add("X-Amz-Date", "20150830T123600Z"), invalid},
		{"target changed", nil, set("X-Amz-Target", targetPrefix+"PutRecordBatch"), invalid},
		{"two targets", nil, add("X-Amz-Target", targetPrefix+"PutRecordBatch"), invalid},
		{"target not signed", nil, replace(";x-amz-target", ""), invalid},
		{"host not signed", nil, replace("host;", ""), invalid},
		{"host changed", nil, func(r *http.Request) { r.Host = "example.com" }, invalid},
		{"token not signed", nil, set("X-Amz-Security-Token", "x"), invalid},
		{"token changed", func(s *signature) { s.token = "a" }, set("X-Amz-Security-Token", "b"), invalid},
		{"signed headers out of order", nil, replace("host;x-amz-date", "x-amz-date;host"), incomplete},
		{"signed header twice", nil, replace("host;", "host;host;"), incomplete},
		{"signed header in upper case", nil, replace("host;", "Host;"), incomplete},
		{"signed header is missing", nil, replace("host;", "host;x-absent;"), invalid},
		{"last signed header is missing", nil, replace("x-amz-target", "x-amz-target;x-zzz"), invalid},
		{"body changed", nil, body(strings.Replace(testBody, "YWJj", "YWJk", 1)), invalid},
		{"body with a space more", nil, body(testBody + " "), invalid},
		{"no body", nil, body(""), invalid},
		{"unsigned payload", func(s *signature) {
			s.payload = "UNSIGNED-PAYLOAD"
			s.headers = map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
		}, none, invalid},
		{"streaming payload", func(s *signature) {
			s.payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
			s.headers = map[string]string{"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
		}, none, invalid},
		{"unsigned trailer", func(s *signature) {
			s.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
			s.headers = map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
		}, none, invalid},
		{"payload hash of another body", func(s *signature) { s.headers = map[string]string{"X-Amz-Content-Sha256": sha("x")} }, none, invalid},
		{"payload hash not signed", nil, set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), invalid},
		{"presigned query", nil, query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"), invalid},
		{"presigned query alone", nil, func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + testKey + "&X-Amz-Signature=0"
		}, invalid},
		{"empty query", nil, func(r *http.Request) { r.URL.ForceQuery = true }, invalid},
	}
	if len(cases) < 40 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, stream := good(), direct()
			if c.sign != nil {
				c.sign(&s)
			}
			r := s.sign(t)
			c.tamper(r)
			w := httptest.NewRecorder()
			NewHandler(keyed("*"), memoryStreams{"web-1": stream}, Events{}).ServeHTTP(w, r)
			if w.Code != 403 || w.Header().Get("X-Amzn-Errortype") != c.code {
				t.Errorf("%d %s, want 403 %s", w.Code, w.Body, c.code)
			}
			if n := len(stream.stored()); n != 0 {
				t.Errorf("%d records stored", n)
			}
			if strings.Contains(w.Body.String(), testSecret) {
				t.Errorf("the answer shows the secret: %s", w.Body)
			}
		})
	}
}

// The example of the SigV4 test suite, "post-vanilla".
func TestSignatureOfTheOfficialVector(t *testing.T) {
	r := httptest.NewRequest("POST", "http://example.amazonaws.com/", nil)
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	canonical, refusal := canonicalRequest(r, []string{"host", "x-amz-date"}, sha(""))
	if refusal != nil {
		t.Fatal(refusal)
	}
	const want = "POST\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if diff := cmp.Diff(want, string(canonical)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The suite's requests are for a service called service.
	key := mac([]byte("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "20150830")
	for _, part := range []string{"us-east-1", "service", "aws4_request"} {
		key = mac(key, part)
	}
	text := "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n" + sha(want)
	if got := hex.EncodeToString(mac(key, text)); got != "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" {
		t.Errorf("signature %s", got)
	}
}

func TestPermissions(t *testing.T) {
	h := func(allow ...string) *Handler {
		return NewHandler(keyed(allow...), memoryStreams{"web-1": direct(), "db-1": direct()}, Events{})
	}
	for _, c := range []struct {
		allow     string
		operation string
		stream    string
		denied    bool
	}{
		{"*", "PutRecord", "web-1", false},
		{"put:web-*", "PutRecord", "web-1", false},
		{"put:web-*", "PutRecord", "db-1", true},
		{"put:web-*", "PutRecord", "absent", true},
		{"put:web-*", "DescribeDeliveryStream", "web-1", false},
		{"put:web-*", "DescribeDeliveryStream", "db-1", true},
		{"put:web-*", "DescribeDeliveryStream", "absent", true},
		{"read:*", "DescribeDeliveryStream", "db-1", false},
		{"read:*", "PutRecord", "web-1", true},
		{"admin:*", "PutRecord", "web-1", true},
		{"*:db-1", "PutRecord", "db-1", false},
		{"*:db-1", "PutRecord", "web-1", true},
	} {
		s := good()
		s.operation, s.body = c.operation, strings.Replace(testBody, "web-1", c.stream, 1)
		w := httptest.NewRecorder()
		h(c.allow).ServeHTTP(w, s.sign(t))
		if denied := w.Header().Get("X-Amzn-Errortype") == "AccessDeniedException"; denied != c.denied {
			t.Errorf("%s, %s of %s: %d %s, want denied: %v", c.allow, c.operation, c.stream, w.Code, w.Body, c.denied)
		}
	}
	for allow, want := range map[string]string{
		"put:web-*": `{"DeliveryStreamNames":["web-1"],"HasMoreDeliveryStreams":false}`,
		"*":         `{"DeliveryStreamNames":["db-1","web-1"],"HasMoreDeliveryStreams":false}`,
		"admin:*":   `{"DeliveryStreamNames":[],"HasMoreDeliveryStreams":false}`,
	} {
		s := good()
		s.operation, s.body = "ListDeliveryStreams", "{}"
		w := httptest.NewRecorder()
		h(allow).ServeHTTP(w, s.sign(t))
		if w.Body.String() != want {
			t.Errorf("%s lists %s, want %s", allow, w.Body, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "a", true}, {"a", "a", true}, {"a", "ab", false}, {"a*", "a", true}, {"a*", "ba", false},
		{"*a", "ba", true}, {"*a", "ab", false}, {"a*c", "abc", true}, {"a*c", "ac", true}, {"ab*bc", "abc", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"*b*", "abc", true}, {"**", "x", true}, {"a.c", "abc", false},
		{"a*a", "a", false}, {"*ab", "aab", true}, {"*ab*b", "abab", true}, {"*ab*b", "ab", false},
	} {
		if got := match(c.pattern, c.name); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

// The kept signer must follow the day.
func TestSignerFollowsTheDate(t *testing.T) {
	p := &principal{secret: testSecret}
	first := p.signerFor("20260101", "us-east-1")
	if p.signerFor("20260101", "us-east-1") != first {
		t.Error("the same day derived the key again")
	}
	for _, s := range []*signer{p.signerFor("20260102", "us-east-1"), p.signerFor("20260101", "eu-west-1")} {
		if bytes.Equal(s.key, first.key) {
			t.Errorf("%s in %s has the key of another scope", s.date, s.region)
		}
	}
}

// An unknown key takes the same way to its refusal as a wrong secret: it is
// checked against a secret that nobody has.
func TestUnknownKeysAreCheckedToo(t *testing.T) {
	k := newKeyring("us-east-1", keyed("*").AccessKeys)
	s := good()
	s.key = "AKIANOBODY"
	if _, refusal := k.verify(s.sign(t), []byte(s.body), s.at); refusal == nil || refusal.code != "UnrecognizedClientException" {
		t.Fatalf("refusal %v", refusal)
	}
	if k.decoy.signer.Load() == nil {
		t.Error("no signature was computed")
	}
	if other := newKeyring("us-east-1", nil); other.decoy.secret == k.decoy.secret {
		t.Error("the secret of unknown keys is no secret")
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(algorithm + " Credential=AK/20260101/us-east-1/firehose/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	f.Add(algorithm + " Signature=00,SignedHeaders=host,Credential=a/b/c/d/e")
	f.Add("Bearer x")
	f.Add(algorithm + " ,,=,")
	f.Fuzz(func(t *testing.T, header string) {
		a, refusal := parseAuthorization(header)
		if refusal != nil {
			return
		}
		again := algorithm + " Credential=" + strings.Join([]string{a.id, a.date, a.region, a.service, a.terminator}, "/") +
			", SignedHeaders=" + strings.Join(a.signed, ";") + ", Signature=" + a.signature
		b, refusal := parseAuthorization(again)
		if refusal != nil {
			t.Fatalf("%q is read, %q is not: %v", header, again, refusal)
		}
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(authorization{})); diff != "" {
			t.Fatalf("%q (-first +again):\n%s", header, diff)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	k := newKeyring("us-east-1", keyed("*").AccessKeys)
	for _, size := range []int{1 << 10, 1 << 20} {
		s := good()
		s.body = strings.Repeat("x", size)
		r, body := s.sign(b), []byte(s.body)
		b.Run(map[int]string{1 << 10: "1KiB", 1 << 20: "1MiB"}[size], func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, refusal := k.verify(r, body, s.at); refusal != nil {
					b.Fatal(refusal)
				}
			}
		})
	}
}
