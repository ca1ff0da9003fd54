package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
)

// scriptedCluster answers bulk requests as a script says: for each document by
// its number and by how often it came.
type scriptedCluster struct {
	verdict func(n, times int) (status int, kind string)

	mu    sync.Mutex
	times map[int]int    // how often each document came
	ids   map[int]string // of each
	wrong string         // what should not have come
}

func (c *scriptedCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var items []string
	failed := false
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		var document struct{ N int }
		err := json.Unmarshal(lines.Bytes(), &action)
		if err != nil || !lines.Scan() || json.Unmarshal(lines.Bytes(), &document) != nil {
			c.wrong = fmt.Sprintf("%s: %q", r.URL, lines.Text())
			break
		}
		id, n := action.Create.ID, document.N
		if before, known := c.ids[n]; known && before != id {
			c.wrong = fmt.Sprintf("document %d came as %s, then as %s", n, before, id)
		}
		c.ids[n] = id
		c.times[n]++
		status, kind := c.verdict(n, c.times[n])
		item := fmt.Sprintf(`{"create":{"_id":%q,"status":%d`, id, status)
		if kind != "" {
			failed = true
			item += fmt.Sprintf(`,"error":{"type":%q,"reason":"number %d"}`, kind, n)
		}
		items = append(items, item+"}}")
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// Of the documents of a request, each is treated by its own answer: only what
// failed is sent again or goes to the error output, and all is counted.
func TestEachDocumentIsTreatedByItsOwnAnswer(t *testing.T) {
	for _, tt := range []struct {
		name    string
		records int
		verdict func(n, times int) (status int, kind string)
		sent    func(n int) int  // how often a document has to come
		bad     func(n int) bool // whether it goes to the error output
	}{
		{
			name: "every fate in one answer", records: 2000,
			verdict: func(n, times int) (int, string) {
				switch n % 5 {
				case 1:
					return 409, "version_conflict_engine_exception"
				case 3:
					return 400, "mapper_parsing_exception"
				}
				if times < 3 {
					switch n % 5 {
					case 2:
						return 429, "es_rejected_execution_exception"
					case 4:
						return 503, "unavailable_shards_exception"
					}
				}
				return 201, ""
			},
			sent: func(n int) int { return []int{1, 1, 3, 1, 3}[n%5] },
			bad:  func(n int) bool { return n%5 == 3 },
		},
		{
			name: "one poison document among 100,000", records: 100_000,
			verdict: func(n, _ int) (int, string) {
				if n == 54_321 {
					return 400, "mapper_parsing_exception"
				}
				return 201, ""
			},
			sent: func(int) int { return 1 },
			bad:  func(n int) bool { return n == 54_321 },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &scriptedCluster{verdict: tt.verdict, times: map[int]int{}, ids: map[int]string{}}
			server := httptest.NewServer(c)
			defer server.Close()
			s := hydrant.NewSite(t, hydrant.Binary(t))
			failed := filepath.Join(s.Dir, "failed")
			s.Configure(fmt.Sprintf(`streams:
  records:
    source: {direct_put: {}}
    destination:
      elasticsearch:
        urls: [%q]
        index_name: app
        index_rotation_period: NoRotation
        buffering_hints: {size: 5MiB, interval: 1s}
        s3_backup: {bucket: %q}
`, server.URL, "file://"+failed), "")
			p := s.Start()
			p.Ready(20 * time.Second)
			var input strings.Builder
			bad := map[int]bool{}
			for n := range tt.records {
				fmt.Fprintf(&input, "{\"n\":%d}\n", n)
				if tt.bad(n) {
					bad[n] = true
				}
			}
			write(t, filepath.Join(s.Dir, "input"), input.String())
			client(t, nil, s.Program, "put", "records", filepath.Join(s.Dir, "input"), "--endpoint", "http://"+s.API, "-q")
			until(t, "every record to be somewhere", time.Minute, func() bool {
				m, err := s.Metrics()
				return err == nil && m.Stream("hydrant_ledger_delivered_records_total", "records") == float64(tt.records-len(bad)) &&
					m.Stream("hydrant_ledger_failed_records_total", "records") == float64(len(bad))
			})
			if code := p.Stop(20 * time.Second); code != 0 {
				t.Errorf("exit code %d\n%s", code, p.Log())
			}
			if c.wrong != "" {
				t.Error(c.wrong)
			}
			for n := range tt.records {
				if got, want := c.times[n], tt.sent(n); got != want {
					t.Fatalf("document %d came %d times, want %d", n, got, want)
				}
			}
			c.wantFailed(t, failed, bad)
		})
	}
}

// wantFailed compares the error output with the numbers of documents, and looks
// at what is said of each.
func (c *scriptedCluster) wantFailed(t *testing.T, folder string, want map[int]bool) {
	t.Helper()
	seen := map[int]bool{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !strings.Contains(path, "elasticsearch-failed") {
			t.Errorf("the error output has %s", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			var of struct {
				AttemptsMade                       int
				ErrorCode, ErrorMessage            string
				EsDocumentId, EsIndexName, RawData string
			}
			var raw struct{ RawData []byte }
			var record struct{ N int }
			if json.Unmarshal([]byte(line), &of) != nil || json.Unmarshal([]byte(line), &raw) != nil || json.Unmarshal(raw.RawData, &record) != nil {
				t.Fatalf("error record %s", line)
			}
			n := record.N
			if seen[n] || of.AttemptsMade != 1 || of.ErrorCode != "400" || of.ErrorMessage != fmt.Sprintf("mapper_parsing_exception: number %d", n) ||
				of.EsDocumentId != c.ids[n] || of.EsIndexName != "app" {
				t.Errorf("error record %s, want one of document %d with id %s", line, n, c.ids[n])
			}
			seen[n] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != len(want) {
		t.Errorf("%d error records, want %d", len(seen), len(want))
	}
	for n := range seen {
		if !want[n] {
			t.Errorf("document %d is in the error output", n)
		}
	}
}
