package s3

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// readable is a bucket "lake" with one object, and a count of requests.
func readable(t *testing.T, content []byte) (*Connection, *s3mem.Backend, *atomic.Int32) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("lake"); err != nil {
		t.Fatal(err)
	}
	put(t, backend, content)
	var gets atomic.Int32
	handler := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/lake/a/b") {
			gets.Add(1)
			if r.Header.Get("Range") == "" {
				t.Error("the whole object was asked for")
			}
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c := DefaultConnection()
	c.Endpoint, c.PathStyle = server.URL, true
	c.AccessKeyID, c.SecretAccessKey = "id", field.NewSecret("secret")
	return c, backend, &gets
}

func put(t *testing.T, backend *s3mem.Backend, content []byte) {
	t.Helper()
	if _, err := backend.PutObject("lake", "a/b", map[string]string{"Last-Modified": "Mon, 23 Nov 2026 08:00:00 GMT"}, bytes.NewReader(content), int64(len(content)), nil); err != nil {
		t.Fatal(err)
	}
}

func TestObjectsAreReadInRanges(t *testing.T) {
	content := make([]byte, answerLimit+100_000)
	rand.NewChaCha8([32]byte{}).Read(content)
	c, _, gets := readable(t, content)
	o, err := c.Open(context.Background(), "lake", "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if o.Size() != int64(len(content)) {
		t.Errorf("Size() = %d", o.Size())
	}
	want := bytes.NewReader(content)
	for _, at := range []int64{0, 1, answerLimit - 1, o.Size() - 1, o.Size(), o.Size() + 1} {
		for _, n := range []int{1, 1000, len(content)} {
			a, b := make([]byte, n), make([]byte, n)
			gotN, gotErr := o.ReadAt(a, at)
			wantN, wantErr := want.ReadAt(b, at)
			if gotN != wantN || !bytes.Equal(a, b) || !errors.Is(gotErr, wantErr) {
				t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want %d, %v", n, at, gotN, gotErr, wantN, wantErr)
			}
		}
	}
	gets.Store(0)
	if _, err := o.ReadAt(make([]byte, 10), 5); err != nil || gets.Load() != 1 {
		t.Errorf("ten bytes took %d requests, %v", gets.Load(), err)
	}
}

func TestObjectsThatChangeAreNotMixed(t *testing.T) {
	c, backend, _ := readable(t, []byte("first content"))
	o, err := c.Open(context.Background(), "lake", "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	put(t, backend, []byte("other content"))
	if n, err := o.ReadAt(make([]byte, 5), 0); err == nil {
		t.Errorf("ReadAt of an object that was replaced = %d, nil", n)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	c, _, _ := readable(t, []byte("x"))
	for key, want := range map[string]string{"no/such": "there is no no/such in bucket lake"} {
		if _, err := c.Open(context.Background(), "lake", key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s) = %v", key, err)
		}
	}
	c.Endpoint = "http://127.0.0.1:1"
	if _, err := c.Open(context.Background(), "lake", "a/b"); err == nil || !strings.Contains(err.Error(), "check the bucket, the endpoint and the credentials") {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := (&Connection{}).Open(context.Background(), "lake", "a/b"); err == nil {
		t.Error("a connection without a region is opened")
	}
}
