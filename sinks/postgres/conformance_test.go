package postgres_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestConformance(t *testing.T) {
	for name, change := range map[string]string{
		"copy":   `CREATE TABLE events (event_id text, page text, text text)`,
		"merge":  `CREATE TABLE events (event_id text PRIMARY KEY, page text, text text)`,
		"create": ``,
	} {
		t.Run(name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				New: func(t *testing.T) (sinks.Config, sinktest.Destination) {
					d := newDatabase(t)
					c := d.config("events")
					c.Password = secret("canary")
					switch name {
					case "create":
						c.CreateTable = "if_missing"
					case "merge":
						c.OnConflict = onConflict("update", "event_id")
					}
					if change != "" {
						d.exec(change)
					}
					return c, &destination{d, strings.TrimPrefix(c.S3Backup.Bucket, "file://")}
				},
				Secrets:      []string{"canary"},
				AllocsPerRow: 0.02,
			})
		})
	}
}

// destination is a database and a folder for failed records.
type destination struct {
	*database
	folder string
}

func (d *destination) Rows(t *testing.T) []string {
	if d.exec(`SELECT to_regclass('events') IS NOT NULL`)[0][0] == "f" {
		return nil
	}
	// A table has no order of its own.
	return d.column(`SELECT format('{"event_id":"%s","page":"%s","text":"%s"}', event_id, page, text) FROM events ORDER BY event_id`)
}

func (d *destination) Errors(t *testing.T) []string {
	var lines []string
	err := filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
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

// A database does not speak HTTP: see faults_test.go.
func (d *destination) Misbehave(sinktest.Fault) {}
func (d *destination) Pending() int             { return 0 }
