// Package servers starts real servers for tests: on free ports of the
// loopback interface, with their data in temporary folders, and ended with
// the test.
package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// tools is where servers are built: .tools in the repository, ignored by git.
func tools() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("find repository: no caller information")
	}
	dir := filepath.Join(filepath.Dir(here), "..", "..", ".tools")
	return dir, os.MkdirAll(dir, 0o755)
}

// tool returns the path of a server, building it from a pinned module first
// when it is missing.
func tool(name, module string) (string, error) {
	return built(name, func(path string) *exec.Cmd {
		cmd := exec.Command("go", "install", "-trimpath", "-ldflags", "-s -w", module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+filepath.Dir(path), "GOFLAGS=")
		cmd.Dir = os.TempDir() // outside of our module
		return cmd
	})
}

// built returns the path of a server, building it first, by a command that
// leaves it at path, when it is missing. Parallel test binaries build it once.
func built(name string, build func(path string) *exec.Cmd) (string, error) {
	dir, err := tools()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("lock build of %s: %w", name, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock build of %s: %w", name, err)
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil // another process built it while we waited
	}
	fmt.Fprintf(os.Stderr, "building %s: this takes some minutes, once\n", name)
	if out, err := build(path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// freePort returns a port that was free a moment ago. Programs that cannot be
// given a listener need it; a start that loses the race is tried again.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// process is a server that runs.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// start runs a command that dies with the test binary.
func start(cmd *exec.Cmd, log string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Pdeathsig follows the thread, which must then not end before we do.
	started := make(chan error)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(p.exited)
		}
	}()
	return p, <-started
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// ready waits until a URL answers 200.
func (p *process) ready(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// skipUnbuildable ends the test: loudly skipped without a network, failed with
// one.
func skipUnbuildable(t testing.TB, err error) {
	t.Helper()
	conn, offline := net.DialTimeout("tcp", "proxy.golang.org:443", 5*time.Second)
	if offline != nil && os.Getenv("HTTPS_PROXY") == "" {
		t.Skipf("SKIPPED, NOT TESTED: the server cannot be built without a network: %v", err)
	}
	if conn != nil {
		conn.Close()
	}
	t.Fatal(err)
}
