package readers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// child is a program that answers questions, each a line of JSON on its
// standard input, with a line of JSON on its standard output:
//
//	{"path": "/tmp/a.parquet"}
//	{"columns": [["f0", "BIGINT"]], "rows": [{"s": {"f0": "i1"}}]}
//	{"error": "what is wrong with the file"}
//
// Values have the forms of value.go. It lives as long as its test: to start
// an engine for each file would take longer than to read it.
type child struct {
	mu      sync.Mutex
	out     io.WriteCloser
	answers *bufio.Reader
	stderr  strings.Builder
	ended   error
}

type question struct {
	Path  string `json:"path,omitempty"`
	Query string `json:"query,omitempty"`
	Count bool   `json:"count,omitempty"`
}

type answer struct {
	Columns [][2]string `json:"columns"`
	Rows    []any       `json:"rows"`
	Count   int64       `json:"count"`
	Error   string      `json:"error"`
}

// start runs a command until the end of the test.
func start(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	cmd.Stderr = &c.stderr
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %s cannot be run: %v", cmd.Path, err)
	}
	c.out, c.answers = in, bufio.NewReaderSize(out, 1<<20)
	t.Cleanup(func() {
		in.Close() // it ends by itself; how does not matter any more
		cmd.Wait()
	})
	return c
}

func (c *child) ask(q question) (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return answer{}, c.ended
	}
	text, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	_, err = c.out.Write(append(text, '\n'))
	var line []byte
	if err == nil {
		line, err = c.answers.ReadBytes('\n')
	}
	if err != nil { // it has ended, and what it said last is all there will be
		c.ended = fmt.Errorf("the reader ended: %w\n%s", err, &c.stderr)
		return answer{}, c.ended
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return answer{}, fmt.Errorf("read answer %.200q: %w", line, err)
	}
	if a.Error != "" {
		return answer{}, errors.New(a.Error)
	}
	return a, nil
}

// script writes embedded files into a folder of the test and returns the path
// of the first.
func script(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, names[0])
}
