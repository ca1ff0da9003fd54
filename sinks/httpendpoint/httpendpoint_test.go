package httpendpoint

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

const secret = "canary-of-the-access-key"

func TestConformanceFirehose(t *testing.T) {
	for _, encoding := range []Encoding{none, gzipped} {
		t.Run(string(encoding), func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
					e := newEndpoint(t)
					c := e.config()
					c.RequestConfiguration.ContentEncoding = encoding
					c.RequestConfiguration.CommonAttributes = map[string]string{"env": "prüf 😀", "team": "growth"}
					return c, e
				},
				Faults:       true,
				Secrets:      []string{secret},
				AllocsPerRow: 0.05,
			})
		})
	}
}

func TestConformancePlain(t *testing.T) {
	for _, format := range []Format{NDJSON, JSONArray} {
		t.Run(string(format), func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
					s := newService(t, format)
					return s.config(), s
				},
				Faults:       true,
				Secrets:      []string{secret},
				AllocsPerRow: 0.05,
			})
		})
	}
}

// backup is a folder for what is not delivered.
type backup struct{ dir string }

func newBackup(t *testing.T) backup { return backup{t.TempDir()} }

func (b backup) configure(c *Config) {
	c.S3Backup.Bucket = "file://" + b.dir
	c.S3Backup.Prefix, c.S3Backup.ErrorOutputPrefix = "all/", "errors/"
}

// Errors returns the error records in the folder.
func (b backup) Errors(t *testing.T) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(filepath.Join(b.dir, "errors"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		text, err := os.ReadFile(path)
		lines = append(lines, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// endpoint speaks Firehose's contract, behind a proxy that can misbehave.
type endpoint struct {
	*servers.Endpoint
	*sinktest.Proxy
	backup
}

func newEndpoint(t *testing.T) *endpoint {
	e := servers.NewEndpoint(t, secret)
	host, _, _ := strings.Cut(e.URL, "/firehose")
	x := &endpoint{e, sinktest.NewProxy(t, host), newBackup(t)}
	t.Cleanup(func() {
		for _, v := range e.Violations() {
			t.Errorf("the contract was broken: %s", v)
		}
	})
	return x
}

func (e *endpoint) config() *Config {
	c := Default().(*Config)
	c.URL = e.Proxy.URL + "/firehose?stage=test"
	c.AccessKey = field.NewSecret(secret)
	e.configure(c)
	return c
}

func (e *endpoint) Rows(t *testing.T) []string {
	var rows []string
	for _, r := range e.Endpoint.Requests() {
		for _, record := range r.Records {
			rows = append(rows, string(record))
		}
	}
	return rows
}

// service takes lines or arrays of JSON; it knows a request by its key.
type service struct {
	*sinktest.Proxy
	backup
	t      *testing.T
	format Format

	mu       sync.Mutex
	rows     []string
	keys     map[string]string // bodies
	requests []*http.Request
}

func newService(t *testing.T, format Format) *service {
	s := &service{t: t, format: format, backup: newBackup(t), keys: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Proxy = sinktest.NewProxy(t, server.URL)
	return s
}

func (s *service) config() *Config {
	c := Default().(*Config)
	c.URL = s.Proxy.URL + "/in?source=hydrant"
	c.Format = s.format
	c.Method = http.MethodPut
	c.BearerToken = field.NewSecret(secret)
	c.Headers = map[string]string{"X-Scope": "tenant"}
	c.SecretHeaders = map[string]field.Secret{"x-api-key": field.NewSecret(secret)}
	s.configure(c)
	return c
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + secret, "X-Api-Key": secret, "X-Scope": "tenant", "Content-Type": s.format.contentType(),
		"X-Amz-Firehose-Request-Id": "",
	} {
		if got := r.Header.Get(name); got != want {
			s.t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodPut || r.RequestURI != "/in?source=hydrant" {
		s.t.Errorf("%s %s", r.Method, r.RequestURI)
	}
	key := r.Header.Get("Idempotency-Key")
	if before, known := s.keys[key]; known {
		if before != string(body) {
			s.t.Errorf("key %s came again with another body", key)
		}
		return
	}
	s.keys[key] = string(body)
	s.requests = append(s.requests, r)
	s.rows = append(s.rows, s.parse(body)...)
	w.WriteHeader(http.StatusAccepted)
}

// parse returns the records in a body.
func (s *service) parse(body []byte) (rows []string) {
	if s.format == NDJSON {
		return strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	}
	var values []json.RawMessage
	if err := json.Unmarshal(body, &values); err != nil {
		s.t.Errorf("body %.200q: %v", body, err)
	}
	for _, v := range values {
		rows = append(rows, string(v))
	}
	return rows
}

func (s *service) Rows(*testing.T) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.rows...)
}
