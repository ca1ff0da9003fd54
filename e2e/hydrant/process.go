package hydrant

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Site is where a program runs: a folder with its configuration, data and
// log, and the two addresses it listens on, which stay the same over restarts.
type Site struct {
	Dir     string
	API     string // host and port of the Firehose API
	Admin   string // host and port of metrics and health checks
	Program string

	t testing.TB
}

// NewSite prepares a folder for a program. It is kept, and named, when the
// test fails.
func NewSite(t testing.TB, program string) *Site {
	t.Helper()
	dir, err := os.MkdirTemp("", "hydrant-site-")
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{Dir: dir, API: FreeAddress(t), Admin: FreeAddress(t), Program: program, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("configuration, data and log are kept in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return s
}

// DataDir is where the program keeps its buffer.
func (s *Site) DataDir() string { return filepath.Join(s.Dir, "data") }

// Configure writes the configuration: the given streams and connections below
// a server section that fits the site. extra stands in the server section,
// indented by two spaces.
func (s *Site) Configure(streams, extra string) {
	s.t.Helper()
	text := fmt.Sprintf("version: 1\nserver:\n  data_dir: %s\n  api: {listen: %q}\n  admin: {listen: %q}\n%s\n%s",
		s.DataDir(), s.API, s.Admin, strings.TrimRight(extra, "\n"), streams)
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Site) config() string { return filepath.Join(s.Dir, "hydrant.yaml") }

// Start runs the program with the environment of the test and env. It is
// killed at the latest when the test ends.
func (s *Site) Start(env ...string) *Process {
	s.t.Helper()
	return s.Exec(env, "run", "-c", s.config())
}

// Exec starts any command of the program.
func (s *Site) Exec(env []string, args ...string) *Process {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	at, err := log.Seek(0, 2)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &Process{site: s, logAt: at, exited: make(chan struct{})}
	p.cmd = exec.Command(s.Program, args...)
	p.cmd.Dir = s.Dir
	p.cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // dieWithParent means this thread
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Kill)
	return p
}

// Process is a running program.
type Process struct {
	site   *Site
	cmd    *exec.Cmd
	logAt  int64 // where its part of the log begins
	exited chan struct{}
}

// Exited is closed when the process is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) { p.cmd.Process.Signal(s) }

// Stop asks the process to end and returns its exit code.
func (p *Process) Stop(patience time.Duration) int {
	p.site.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait(patience)
}

// Code returns the exit code of a process that is gone; -1 if a signal ended
// it.
func (p *Process) Code() int { return p.cmd.ProcessState.ExitCode() }

// Wait waits for the end of the process and returns its exit code.
func (p *Process) Wait(patience time.Duration) int {
	p.site.t.Helper()
	select {
	case <-p.exited:
		return p.Code()
	case <-time.After(patience):
		p.site.t.Fatalf("hydrant still runs after %v\n%s", patience, p.Log())
		return -1
	}
}

// Log returns what the process has written so far.
func (p *Process) Log() string {
	text, err := os.ReadFile(filepath.Join(p.site.Dir, "log"))
	if err != nil {
		p.site.t.Fatal(err)
	}
	return string(text[min(int64(len(text)), p.logAt):])
}

// Ready waits until the process says that it takes records.
func (p *Process) Ready(patience time.Duration) {
	p.site.t.Helper()
	if err := p.TryReady(patience); err != nil {
		p.site.t.Fatalf("%v\n%s", err, p.Log())
	}
}

// TryReady is Ready for a process that may not become ready.
func (p *Process) TryReady(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if code, _ := p.site.Get(ctx, "/readyz"); code == http.StatusOK {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("hydrant ended before it was ready: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("hydrant is not ready after %v", patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Get reads a path of the admin port. The code is 0 if nobody answered.
func (s *Site) Get(ctx context.Context, path string) (code int, body string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Close = true // a connection to a process that was killed is of no use
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		return 0, ""
	}
	return resp.StatusCode, b.String()
}

// FreeAddress returns an address of the loopback interface that is free and
// stays so: its port is none that the system gives to outgoing connections,
// so a program can be restarted on it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", randomPort())
		l, err := net.Listen("tcp", address)
		if err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("find a free port: a hundred were taken")
	return ""
}
