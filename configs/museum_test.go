package configs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// environment is what the variables of test configurations mean.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"S3_ACCESS_KEY_ID":     "AKIDEXAMPLE",
		"S3_SECRET_ACCESS_KEY": "canary-in-the-environment",
		"APP_SECRET":           "canary-of-the-app",
		"OPS_SECRET":           "canary-of-operations",
		"ALERTS_KEY":           "canary-of-alerts",
		"LOGS_TOKEN":           "canary-of-logs",
		"ES_API_KEY":           "canary-of-search",
		"OPENSEARCH_SECRET":    "canary-of-audits",
		"HEC_TOKEN":            "canary-of-splunk",
		"EMPTY":                "",
		"SHARDS":               "4",
		"NULL":                 "null",
		"PORT":                 ":4573",
	}[name]
	return value, ok
}

// golden compares got with a file, or rewrites the file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s\nrun with -update if that is intended", name, diff)
	}
}

// TestMuseumOfMistakes shows for each mistake exactly what a person sees.
func TestMuseumOfMistakes(t *testing.T) {
	home, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	// A copy has the file modes that the golden files tell of, and names as
	// short as a user's.
	t.Chdir(t.TempDir())
	if err := os.CopyFS(".", os.DirFS(home)); err != nil {
		t.Fatal(err)
	}
	exhibits, err := filepath.Glob("*.bad*")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, name := range exhibits {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if filepath.Ext(name) == ".yaml" {
				if err := os.Chmod(name, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, problems := Load([]string{name}, environment)
			if len(problems) == 0 {
				t.Fatal("no problem found in it")
			}
			var b strings.Builder
			if err := problems.Render(&b, false); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(home, strings.TrimSuffix(name, ".yaml")+".txt"), []byte(b.String()))
			for _, p := range problems {
				shown[p.ID] = true
			}
			if strings.Contains(b.String(), "canary") {
				t.Error("a secret is shown")
			}
		})
	}
	for _, d := range Diagnostics {
		if !shown[d.ID] && !d.Elsewhere {
			t.Errorf("no exhibit shows %s", d.ID)
		}
		delete(shown, d.ID)
	}
	for id := range shown {
		t.Errorf("%s is not in Diagnostics", id)
	}
}
