package elasticsearch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// cluster is a fake of Elasticsearch: it keeps documents by their ids, and
// says of each what a real one would, or what a test wants it to.
type cluster struct {
	folder string // of the error output
	*sinktest.Proxy

	mu        sync.Mutex
	documents []document
	bulks     []bulk
	// verdict is what is wrong with a document: its item's status and error, as
	// JSON. 0 is nothing. It may be nil.
	verdict func(d document) (status int, cause string)
}

type document struct {
	Index, ID, Routing, Source string
}

// bulk is a request that was made.
type bulk struct {
	Path, Query, Body string
	Header            http.Header
	Documents         int
}

func newCluster(t testing.TB) *cluster {
	c := &cluster{folder: t.TempDir()}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.Proxy = sinktest.NewProxy(t, server.URL)
	return c
}

func (c *cluster) config() *Config {
	config := Default().(*Config)
	config.URLs = []string{c.URL}
	config.Username, config.Password = "hydrant", field.NewSecret("canary")
	config.IndexName = "app"
	config.S3Backup.Bucket = "file://" + c.folder
	return config
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/" {
		io.WriteString(w, `{"name":"n","cluster_name":"fake","version":{"number":"7.10.2"}}`)
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	items, failed, err := c.take(r, text)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":{"type":"illegal_argument_exception","reason":%q},"status":400}`, err)
		return
	}
	fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// take reads a bulk body as servers do: two lines for each document.
func (c *cluster) take(r *http.Request, text []byte) (items []string, failed bool, err error) {
	if !bytes.HasSuffix(text, []byte("\n")) {
		return nil, false, fmt.Errorf("the bulk request must be terminated by a newline")
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		var action map[string]struct {
			ID      string `json:"_id"`
			Routing string `json:"routing"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil || len(action) != 1 || !lines.Scan() {
			return nil, false, fmt.Errorf("malformed action/metadata line [%d]", n)
		}
		for op, a := range action {
			d := document{Index: strings.Split(r.URL.Path, "/")[1], ID: a.ID, Routing: a.Routing, Source: lines.Text()}
			status, cause := c.index(op, d)
			if cause != "" {
				failed, cause = true, `,"error":`+cause
			}
			id := ""
			if strings.Contains(r.URL.RawQuery, "items.*._id") {
				id = `"_id":` + string(quoted(a.ID)) + ","
			}
			items = append(items, fmt.Sprintf(`{%q:{%s"status":%d%s}}`, op, id, status, cause))
		}
	}
	c.bulks = append(c.bulks, bulk{r.URL.Path, r.URL.RawQuery, string(text), r.Header.Clone(), len(items)})
	return items, failed, nil
}

func (c *cluster) index(op string, d document) (status int, cause string) {
	if c.verdict != nil {
		if status, cause := c.verdict(d); status != 0 {
			return status, cause
		}
	}
	if !json.Valid([]byte(d.Source)) {
		return http.StatusBadRequest, `{"type":"mapper_parsing_exception","reason":"failed to parse"}`
	}
	at := slices.IndexFunc(c.documents, func(o document) bool { return d.ID != "" && o.Index == d.Index && o.ID == d.ID })
	switch {
	case at < 0:
		c.documents = append(c.documents, d)
		return http.StatusCreated, ""
	case op == "create":
		return http.StatusConflict, `{"type":"version_conflict_engine_exception","reason":"[1]: version conflict, document already exists (current version [1])"}`
	}
	c.documents[at] = d
	return http.StatusOK, ""
}

// Rows returns the documents, as they were taken.
func (c *cluster) Rows(*testing.T) (rows []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.documents {
		rows = append(rows, d.Source)
	}
	return rows
}

// Errors returns the error records.
func (c *cluster) Errors(t *testing.T) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(c.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
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
