package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

func TestConformanceMinIO(t *testing.T) {
	server := servers.MinIO(t)
	var n atomic.Int32
	sinktest.Run(t, sinktest.Harness{
		New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
			b := newBucket(t, server, fmt.Sprintf("conformance-%d", n.Add(1)))
			return b.config(), b
		},
		Faults:  true,
		Secrets: []string{server.SecretKey},
	})
}

// bucket is a bucket of a real server behind a proxy that can misbehave.
type bucket struct {
	name   string
	server *servers.MinIOServer
	client *minio.Client
	*sinktest.Proxy
}

func newBucket(t *testing.T, server *servers.MinIOServer, name string) *bucket {
	t.Helper()
	server.Bucket(name)
	return &bucket{name, server, server.Client(), sinktest.NewProxy(t, server.Endpoint)}
}

func (b *bucket) config() *Config {
	c := Default().(*Config)
	c.Endpoint = b.URL
	c.PathStyle = true
	c.AccessKeyID = b.server.AccessKey
	c.SecretAccessKey = field.NewSecret(b.server.SecretKey)
	c.Bucket = b.name
	c.Prefix = "data/!{timestamp:yyyy/MM/dd}/"
	c.ErrorOutputPrefix = "errors/!{firehose:error-output-type}/"
	return c
}

// Misbehave spoils requests that carry an object, not the probe.
func (b *bucket) Misbehave(f sinktest.Fault) {
	if f.Request == nil {
		f.Request = func(r *http.Request) bool { return r.Method == http.MethodPut && !isProbe(r) }
	}
	b.Proxy.Misbehave(f)
}

func isProbe(r *http.Request) bool { return strings.Contains(r.URL.Path, ".hydrant-probe-") }

func (b *bucket) Rows(t *testing.T) []string   { return b.lines(t, "data/") }
func (b *bucket) Errors(t *testing.T) []string { return b.lines(t, "errors/") }

func (b *bucket) keys(t *testing.T, prefix string) (keys []string) {
	t.Helper()
	for o := range b.client.ListObjects(context.Background(), b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func (b *bucket) lines(t *testing.T, prefix string) (lines []string) {
	t.Helper()
	for _, key := range b.keys(t, prefix) {
		lines = append(lines, strings.Split(strings.TrimSuffix(string(b.read(t, key)), "\n"), "\n")...)
	}
	return lines
}

func (b *bucket) read(t *testing.T, key string) []byte {
	t.Helper()
	o, err := b.client.GetObject(context.Background(), b.name, key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	body, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// puts returns the requests that carried an object.
func (b *bucket) puts() []string {
	return slices.DeleteFunc(b.Requests(), func(s string) bool {
		return !strings.HasPrefix(s, "PUT ") || strings.Contains(s, ".hydrant-probe-")
	})
}
