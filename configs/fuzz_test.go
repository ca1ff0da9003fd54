package configs

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// FuzzLoad holds the loader to its promises on any input: it ends, it does not
// panic, every problem has a known id and a place that exists, and what is
// loaded without errors is loaded the same from its snapshot.
func FuzzLoad(f *testing.F) {
	for _, glob := range []string{"*.yaml", "testdata/*.bad.yaml"} {
		names, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	known := map[string]bool{}
	for _, d := range Diagnostics {
		known[d.ID] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "${file:") {
			t.Skip("reads files that are not ours")
		}
		c, problems := Parse("fuzz.yaml", "/", data, environment)
		for _, p := range problems {
			if !known[p.ID] {
				t.Errorf("the id %q is not in Diagnostics", p.ID)
			}
			if p.Line < 0 || p.Line > strings.Count(string(data), "\n")+2 {
				t.Errorf("%s at line %d of %d", p.ID, p.Line, strings.Count(string(data), "\n"))
			}
		}
		_ = problems.Error()
		if problems.Failed() {
			return
		}
		if _, err := Effective(c); err != nil {
			t.Error(err)
		}
		for _, s := range c.Streams {
			again, err := LoadSnapshot(s.Snapshot, environment)
			if err != nil {
				t.Fatalf("%v\nsnapshot:\n%s", err, s.Snapshot)
			}
			if !again.Equal(s) {
				t.Errorf("the snapshot means something else:\n%s\n%s", s.Snapshot, again.Snapshot)
			}
		}
	})
}

func TestHostileFilesEndSoonInBoundedMemory(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 30 {
		name, last := string(rune('A'+i)), "a0"
		if i > 0 {
			last = string(rune('A' + i - 1))
		}
		bomb += name + ": &" + name + " [" + strings.Repeat("*"+last+", ", 9) + "*" + last + "]\n"
	}
	for name, text := range map[string]string{
		"alias bomb":        bomb,
		"aliases of itself": "a: &a [*a, *a, *a]\n",
		"merge of itself":   "a: &a {<<: *a, b: 1}\n",
		"flow depth":        strings.Repeat("[", 100_000),
		"map depth":         strings.Repeat("{a: ", 100_000),
		"block depth":       strings.Repeat("- ", 100_000),
		"indented depth":    indented(1_000),
		"many values":       "[" + strings.Repeat("a,", maxFile/2-10) + "]",
		"many keys":         manyKeys(),
		"a long line":       "streams: " + strings.Repeat("x", maxFile-100),
		"many variables":    "streams: {a: {description: \"" + strings.Repeat("${SHARDS}", 100_000) + "\"}}",
		"open variable":     "streams: {a: {description: \"" + strings.Repeat("${", 300_000) + "\"}}",
		"many tags":         strings.Repeat("- !x y\n", 100_000),
		"too large":         strings.Repeat("a", 64<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, problems := Parse(name, "/", []byte(text), environment)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			if !problems.Failed() {
				t.Error("no error")
			}
			if len(problems.Error()) > 1<<20 {
				t.Errorf("%d bytes of problems", len(problems.Error()))
			}
			if allocated > 256 || took > 10*time.Second {
				t.Errorf("%d MiB allocated in %v", allocated, took)
			}
			t.Logf("%d MiB allocated, %v, %d problems", allocated, took, len(problems))
		})
	}
}

func indented(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func manyKeys() string {
	var b strings.Builder
	for b.Len() < maxFile-100 {
		b.WriteString("k" + strings.Repeat("x", b.Len()%7) + string(rune('a'+b.Len()%26)) + ": 1\n")
	}
	return b.String()
}
