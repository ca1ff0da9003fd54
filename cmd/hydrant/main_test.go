package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asProgram in the environment makes this test binary be hydrant, for tests
// that need a process.
const asProgram = "HYDRANT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// output collects what a program writes while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// program is a hydrant that runs in this process.
type program struct {
	t              *testing.T
	stdout, stderr output
	stop           context.CancelFunc
	reload         chan os.Signal
	code           int
	ended          chan struct{}
}

// start runs a command line until it ends or stop is called.
func start(t *testing.T, env map[string]string, stdin string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{t: t, stop: cancel, reload: make(chan os.Signal, 1), ended: make(chan struct{})}
	m := Main{Reload: p.reload, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	go func() {
		defer close(p.ended)
		p.code = m.Run(ctx, args, strings.NewReader(stdin), &p.stdout, &p.stderr)
	}()
	t.Cleanup(func() { p.end() })
	return p
}

// end stops the program and returns its exit code.
func (p *program) end() int {
	p.stop()
	return p.wait()
}

// wait returns the exit code when the program has ended by itself.
func (p *program) wait() int {
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("program does not end; stderr:\n%s", p.stderr.String())
	}
	return p.code
}

// until waits for a condition.
func (p *program) until(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			if ok() {
				return
			}
			p.t.Fatalf("program ended with %d while waiting for %s; stdout:\n%s\nstderr:\n%s", p.code, what, p.stdout.String(), p.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no %s; stdout:\n%s\nstderr:\n%s", what, p.stdout.String(), p.stderr.String())
		}
	}
}

// once runs a command line that ends by itself.
func once(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, nil, "", args...)
	code = p.wait()
	return code, p.stdout.String(), p.stderr.String()
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: run go test ./cmd/hydrant -update if this is right\n%s", file, diff)
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	c := &command{Main: &Main{Env: os.LookupEnv}}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		args := strings.Fields(cmd.CommandPath())[1:]
		t.Run(strings.Join(append([]string{"hydrant"}, args...), "-"), func(t *testing.T) {
			code, stdout, stderr := once(t, append(args, "--help")...)
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if cmd.Example == "" {
				t.Error("no example")
			}
			golden(t, "help/"+strings.Join(append([]string{"hydrant"}, args...), "-")+".txt", stdout)
		})
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(c.root())
}

func TestWrongCommandLinesSayWhatToWrite(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"runn", 2, `hydrant: there is no command "runn"; did you mean hydrant run? see hydrant --help`},
		{"frobnicate", 2, `hydrant: there is no command "frobnicate"; see hydrant --help`},
		{"buffer chek", 2, `hydrant: there is no command "chek"; did you mean hydrant buffer check? see hydrant buffer --help`},
		{"run --wach", 2, `hydrant: unknown flag: --wach; did you mean --watch? see hydrant run --help`},
		{"run extra", 2, `hydrant: too many arguments; write: hydrant run [flags]`},
		{"put", 2, `hydrant: an argument is missing; write: hydrant put STREAM [FILE...|-] [flags]`},
		{"check -o xml", 2, `hydrant: invalid argument "xml" for "-o, --output" flag: write text or json; see hydrant check --help`},
		{"dev --dir a --ephemeral", 2, `hydrant: --dir keeps and --ephemeral does not; leave one out`},
		{"dev --format avro", 2, `hydrant: --format avro is not known; write parquet or json.gz`},
		{"dev --rate 0", 2, `hydrant: --rate needs a number above 0; for no records at all there is --no-demo`},
		{"put a --endpoint localhost:4573", 1, `hydrant: "localhost:4573" is not an endpoint; write one like http://127.0.0.1:4573`},
		{"put a --generate cats", 1, `hydrant: "cats" cannot be generated; write --generate clicks`},
		{"put a missing-file", 1, `hydrant: open records: stat missing-file: no such file or directory`},
		{"buffer check missing-dir", 1, `hydrant: open data directory: stat missing-dir: no such file or directory; name it on the command line`},
		{"run", 1, `hydrant: there is no hydrant.yaml here and no /etc/hydrant; name the configuration with -c, or try hydrant dev, which needs none`},
	} {
		code, stdout, stderr := once(t, strings.Fields(tt.args)...)
		if code != tt.code || strings.TrimSpace(stderr) != tt.want || stdout != "" {
			t.Errorf("hydrant %s: exit code %d, stdout %q, stderr\n  %s\nwant %d\n  %s", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, tt := range []struct{ word, want string }{
		{"wach", "watch"}, {"conf", "config"}, {"onec", "once"}, {"zzzz", ""}, {"x", ""},
	} {
		if got := nearest(tt.word, []string{"watch", "once", "config"}); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
