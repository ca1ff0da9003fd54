package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// TestStore runs what only S3 has against a real server behind a proxy.
func TestStore(t *testing.T) {
	server := servers.MinIO(t)
	n := 0
	run := func(name string, f func(*fixture)) {
		n++
		t.Run(name, func(t *testing.T) {
			b := newBucket(t, server, fmt.Sprintf("store-%d", n))
			f(newFixture(t, b, b.config()))
		})
	}
	run("object arrives with its headers and checksum", (*fixture).headers)
	run("answer lost: the next attempt finds the object", (*fixture).answerLost)
	run("same records with other bytes are the same object", (*fixture).sameRecords)
	run("another object with the key stays untouched", (*fixture).conflict)
	run("304 for an existing object", (*fixture).notModified)
	run("409 is retried", (*fixture).raced)
	run("stale 404 after 412 is retried", (*fixture).stale)
	run("large objects are uploaded in parts, create-only", (*fixture).multipart)
	run("multipart meets another object", (*fixture).multipartConflict)
	run("multipart: failed part, no leftovers", (*fixture).failedPart)
	run("multipart: upload id vanished", (*fixture).vanishedUpload)
	run("multipart: Complete answers 200 with an error", (*fixture).completeError)
	run("multipart: Complete answers 200 with nothing or noise", (*fixture).completeNoise)
	run("multipart: Complete done, answer lost", (*fixture).completeLost)
	run("multipart: orphans of a crash are aborted", (*fixture).orphans)
	run("damaged spool is never completed", (*fixture).damaged)
	run("redirects are not followed", (*fixture).redirect)
	run("endless answers are cut", (*fixture).endless)
	run("missing bucket and wrong keys are permanent, with a hint", (*fixture).mistakes)
	run("probe says what it found and leaves nothing", (*fixture).probed)
	run("server down, then back", (*fixture).restart)
}

type fixture struct {
	*testing.T
	*bucket
	store    *store
	warnings []string
	object   *object.Object
}

func newFixture(t *testing.T, b *bucket, c *Config) *fixture {
	t.Helper()
	f := &fixture{T: t, bucket: b}
	var err error
	if f.store, err = newStore(c, func(text string) { f.warnings = append(f.warnings, text) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.store.Close() })
	f.object = newObject("data/one", []byte("hello\n"))
	return f
}

func newObject(key string, body []byte) *object.Object {
	sum := sha256.Sum256(body)
	return &object.Object{
		Key: key, ID: "id of " + key, Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]),
		ContentType: "application/octet-stream", ContentEncoding: "gzip", Body: bytes.NewReader(body),
	}
}

// large makes the object one of three parts.
func (f *fixture) large() {
	body := make([]byte, 11<<20)
	rand.NewChaCha8([32]byte{}).Read(body)
	f.object = newObject("data/large", body)
	f.store.partSize, f.store.multipart = 5<<20, 6<<20
}

func (f *fixture) put() {
	f.Helper()
	if err := f.store.Put(f.Context(), f.object); err != nil {
		f.Fatalf("Put: %v", err)
	}
}

func (f *fixture) putFails(kind sinks.Kind, reason string) *sinks.Error {
	f.Helper()
	err := f.store.Put(f.Context(), f.object)
	e := sinks.AsError(err)
	if err == nil || e.Kind != kind || e.Reason != reason {
		f.Fatalf("Put = %v (%v, %q), want %v, %q", err, e.Kind, e.Reason, kind, reason)
	}
	return e
}

// wantOnly checks that the bucket holds these keys and no unfinished upload.
func (f *fixture) wantOnly(keys ...string) {
	f.Helper()
	if got := f.keys(f.T, ""); !slices.Equal(got, keys) {
		f.Errorf("keys in the bucket: %q, want %q", got, keys)
	}
	for _, prefix := range []string{"data/one", "data/large"} { // MinIO lists uploads by key only
		list, err := (minio.Core{Client: f.client}).ListMultipartUploads(context.Background(), f.name, prefix, "", "", "", 10)
		if err != nil {
			f.Fatal(err)
		}
		if len(list.Uploads) != 0 {
			f.Errorf("%d unfinished uploads are left", len(list.Uploads))
		}
	}
}

func (f *fixture) wantBody() {
	f.Helper()
	want := make([]byte, f.object.Size)
	f.object.Body.ReadAt(want, 0)
	if got := f.read(f.T, f.object.Key); !bytes.Equal(got, want) {
		f.Errorf("the object has other bytes than were sent")
	}
}

func request(method, query string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && !isProbe(r) && strings.Contains(r.URL.RawQuery, query)
	}
}

func (f *fixture) headers() {
	f.put()
	info, err := f.client.StatObject(context.Background(), f.name, f.object.Key, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		f.Fatal(err)
	}
	if info.ContentType != "application/octet-stream" || info.Metadata.Get("Content-Encoding") != "gzip" {
		f.Errorf("Content-Type %q, Content-Encoding %q", info.ContentType, info.Metadata.Get("Content-Encoding"))
	}
	if info.ChecksumSHA256 == "" || info.UserMetadata[metaSHA256] != f.object.SHA256 || info.UserMetadata[metaID] != f.object.ID {
		f.Errorf("checksum %q, metadata %v", info.ChecksumSHA256, info.UserMetadata)
	}
	f.wantBody()
}

func (f *fixture) answerLost() {
	f.Misbehave(sinktest.Fault{When: sinktest.After})
	f.putFails(sinks.Retryable, "connection")
	f.put()
	f.wantOnly("data/one")
	if len(f.warnings) != 0 {
		f.Errorf("warnings: %q", f.warnings)
	}
}

func (f *fixture) sameRecords() {
	f.put()
	first := f.object
	f.object = newObject("data/one", []byte("the same, compressed by another version"))
	f.put()
	f.wantOnly("data/one")
	f.object = first
	f.wantBody()
}

func (f *fixture) conflict() {
	f.put()
	first := f.object
	f.object = newObject("data/one", []byte("stranger"))
	f.object.ID = "another"
	for range 2 {
		f.put()
	}
	f.wantOnly("data/one", f.object.ConflictKey())
	if len(f.warnings) != 2 || !strings.Contains(f.warnings[0], "other content") {
		f.Errorf("warnings: %q", f.warnings)
	}
	f.object = first
	f.wantBody()
}

func (f *fixture) notModified() {
	f.put()
	f.Misbehave(sinktest.Fault{Status: http.StatusNotModified})
	f.put()
	f.wantOnly("data/one")
}

func (f *fixture) raced() {
	f.Misbehave(sinktest.Fault{Status: http.StatusConflict, Body: "<Error><Code>ConditionalRequestConflict</Code></Error>"})
	f.putFails(sinks.Retryable, "ConditionalRequestConflict")
	f.put()
	f.wantOnly("data/one")
}

func (f *fixture) stale() {
	f.put()
	f.Misbehave(sinktest.Fault{Status: http.StatusNotFound, Request: request("HEAD", "")})
	f.putFails(sinks.Retryable, "NoSuchKey")
	f.put()
	f.wantOnly("data/one")
}

func (f *fixture) multipart() {
	f.large()
	f.put()
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
	if n := len(f.puts()); n != 6 {
		f.Errorf("%d parts were sent in two attempts, want 6", n)
	}
}

func (f *fixture) multipartConflict() {
	f.large()
	f.put()
	first := f.object
	f.object = newObject("data/large", append(make([]byte, 6<<20), 1))
	f.object.ID = "another"
	f.put()
	f.wantOnly("data/large", f.object.ConflictKey())
	f.object = first
	f.wantBody()
}

func (f *fixture) failedPart() {
	for _, fault := range []sinktest.Fault{{Status: 500}, {When: sinktest.Middle}} {
		f.large()
		fault.Request = request("PUT", "partNumber=2")
		f.Misbehave(fault)
		if err := f.store.Put(f.Context(), f.object); sinks.AsError(err).Kind != sinks.Retryable || err == nil {
			f.Fatalf("Put = %v, want retryable", err)
		}
	}
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
}

func (f *fixture) vanishedUpload() {
	f.large()
	f.Misbehave(sinktest.Fault{Status: 404, Body: "<Error><Code>NoSuchUpload</Code></Error>", Request: request("PUT", "partNumber=3")})
	f.putFails(sinks.Retryable, "NoSuchUpload")
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
}

func (f *fixture) completeError() {
	f.large()
	f.Misbehave(sinktest.Fault{Status: 200, Body: "<Error><Code>InternalError</Code><Message>try again</Message></Error>", Request: request("POST", "uploadId=")})
	f.putFails(sinks.Retryable, "InternalError")
	f.wantOnly()
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
}

func (f *fixture) completeNoise() {
	f.large()
	for _, fault := range []sinktest.Fault{{Status: 200}, {When: sinktest.Garbage}} {
		fault.Request = request("POST", "uploadId=")
		f.Misbehave(fault)
		if err := f.store.Put(f.Context(), f.object); err == nil || sinks.AsError(err).Kind != sinks.Retryable {
			f.Fatalf("Put = %v, want retryable", err)
		}
	}
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
}

func (f *fixture) completeLost() {
	f.large()
	f.Misbehave(sinktest.Fault{When: sinktest.After, Request: request("POST", "uploadId=")})
	f.putFails(sinks.Retryable, "connection")
	f.put()
	f.wantOnly("data/large")
	f.wantBody()
}

func (f *fixture) orphans() {
	f.large()
	core := minio.Core{Client: f.client}
	if _, err := core.NewMultipartUpload(f.Context(), f.name, f.object.Key, minio.PutObjectOptions{}); err != nil {
		f.Fatal(err)
	}
	f.put()
	f.wantOnly("data/large")
}

func (f *fixture) damaged() {
	for _, large := range []bool{false, true} {
		if large {
			f.large()
		}
		body := make([]byte, f.object.Size)
		f.object.Body.ReadAt(body, 0)
		body[0] ^= 1
		f.object.Body = bytes.NewReader(body)
		err := f.store.Put(f.Context(), f.object)
		if e := sinks.AsError(err); err == nil || e.Kind != sinks.Retryable || e.Hint != hintDamaged {
			f.Errorf("Put of a damaged object = %v (%v)", err, e.Kind)
		}
	}
	f.wantOnly()
}

func (f *fixture) redirect() {
	var visited bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	f.Cleanup(other.Close)
	for _, status := range []int{301, 302, 307, 308} {
		f.Misbehave(sinktest.Fault{Status: status, Header: http.Header{"Location": {other.URL}}})
		if err := f.store.Put(f.Context(), f.object); err == nil {
			f.Errorf("Put after a redirect with %d succeeded", status)
		}
	}
	if visited {
		f.Error("a redirect was followed")
	}
	f.put()
}

func (f *fixture) endless() {
	f.Misbehave(sinktest.Fault{Status: 500, Body: strings.Repeat("x", answerLimit+1)})
	if err := f.store.Put(f.Context(), f.object); err == nil || len(err.Error()) > 4096 {
		f.Errorf("Put = error of %d bytes", len(fmt.Sprint(err)))
	}
	f.put()
}

func (f *fixture) mistakes() {
	f.store.bucket = "lake-that-is-missing"
	if e := f.putFails(sinks.Permanent, "NoSuchBucket"); !strings.Contains(e.Hint, "lake-that-is-missing") {
		f.Errorf("hint %q does not name the bucket", e.Hint)
	}
	c := f.config()
	c.AccessKeyID = "nobody"
	wrong := newFixture(f.T, f.bucket, c)
	wrong.putFails(sinks.Permanent, "InvalidAccessKeyId")
	c = f.config()
	c.SecretAccessKey = field.NewSecret("canary-secret")
	wrong = newFixture(f.T, f.bucket, c)
	if e := wrong.putFails(sinks.Permanent, "SignatureDoesNotMatch"); strings.Contains(fmt.Sprintf("%v %#v", e, e), "canary-secret") {
		f.Errorf("the secret is in the error: %v", e)
	}
}

func (f *fixture) probed() {
	line, err := f.store.Probe(f.Context())
	if err != nil || !strings.Contains(line, "create-only writes") {
		f.Errorf("Probe = %q, %v", line, err)
	}
	f.wantOnly()
}

func (f *fixture) restart() {
	f.put()
	f.server.Stop()
	f.object = newObject("data/two", []byte("later"))
	f.putFails(sinks.Retryable, "connection")
	f.server.Start()
	f.put()
	f.wantOnly("data/one", "data/two")
}

// TestServerWithoutConditionalWrites uses storage that ignores If-None-Match.
func TestServerWithoutConditionalWrites(t *testing.T) {
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-None-Match")
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	c := Default().(*Config)
	c.Endpoint, c.PathStyle, c.Bucket = server.URL, true, "lake"
	c.AccessKeyID, c.SecretAccessKey = "key", field.NewSecret("secret")
	f := newFixture(t, &bucket{name: "lake"}, c)
	f.put()
	f.put()
	stranger := newObject("data/one", []byte("stranger"))
	stranger.ID = "another"
	if err := f.store.Put(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	if line, err := f.store.Probe(t.Context()); err != nil || !strings.Contains(line, "does not honour") {
		t.Errorf("Probe = %q, %v", line, err)
	}
	for key, want := range map[string]string{"data/one": "hello\n", stranger.ConflictKey(): "stranger"} {
		o, err := backend.GetObject("lake", key, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		got.ReadFrom(o.Contents)
		o.Contents.Close()
		if got.String() != want {
			t.Errorf("%s = %q, want %q", key, got.String(), want)
		}
	}
	if len(f.warnings) != 2 {
		t.Errorf("warnings: %q", f.warnings)
	}
}

// TestServerAnswers501ToConditions is the other way of not supporting them.
func TestServerAnswers501ToConditions(t *testing.T) {
	var puts int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("If-None-Match") != "":
			w.WriteHeader(http.StatusNotImplemented)
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPut:
			puts++
		}
	}))
	defer server.Close()
	c := Default().(*Config)
	c.Endpoint, c.PathStyle, c.Bucket = server.URL, true, "lake"
	c.AccessKeyID, c.SecretAccessKey = "key", field.NewSecret("secret")
	f := newFixture(t, &bucket{name: "lake"}, c)
	f.put()
	if puts != 1 {
		t.Errorf("%d plain writes, want 1", puts)
	}
}

// TestRotatedCredentialsAreReadAgainOnce changes the credentials under a
// running sink.
func TestRotatedCredentialsAreReadAgainOnce(t *testing.T) {
	server := servers.MinIO(t)
	b := newBucket(t, server, "rotate")
	rotate := func(key, secret string) {
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	}
	c := b.config()
	c.AccessKeyID, c.SecretAccessKey = "", field.Secret{}
	f := newFixture(t, b, c)
	rotate("stale", "stale-secret")
	f.putFails(sinks.Permanent, "InvalidAccessKeyId")
	rotate(server.AccessKey, server.SecretKey)
	f.put()
	rotate("stale", "stale-secret") // the good ones are kept while they work
	f.object = newObject("data/two", []byte("two"))
	f.put()
	f.wantOnly("data/one", "data/two")
}

func TestPatienceGrowsWithTheSize(t *testing.T) {
	if got := patience(0); got != time.Minute {
		t.Errorf("patience(0) = %v", got)
	}
	if got, want := patience(64<<20), time.Minute+2048*time.Second; got != want {
		t.Errorf("patience(64 MiB) = %v, want %v", got, want)
	}
}
