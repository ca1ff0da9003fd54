//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is hydrant in a process of its own.
type process struct {
	*program // stderr and until; the rest is of no use here
	cmd      *exec.Cmd
	result   error
}

func startProcess(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{program: &program{t: t, ended: make(chan struct{})}}
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.result = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) waitFor(limit time.Duration) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Fatalf("the process still runs after %v; stderr:\n%s", limit, p.stderr.String())
	}
}

func TestSIGTERMStopsInOrder(t *testing.T) {
	dir, err := os.MkdirTemp("", "n") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Skipf("no unix datagram sockets here: %v", err)
	}
	defer manager.Close()
	hear := func() string {
		manager.SetReadDeadline(time.Now().Add(30 * time.Second))
		b := make([]byte, 256)
		n, err := manager.Read(b)
		if err != nil {
			t.Fatalf("the service manager hears nothing: %v", err)
		}
		state, _, _ := strings.Cut(string(b[:n]), "\n")
		return state
	}

	s := newSetting(t, "1h")
	p := startProcess(t, []string{"NOTIFY_SOCKET=" + socket}, "run", "-c", s.file)
	p.up()
	if got := hear(); got != "READY=1" {
		t.Errorf("the service manager hears %q", got)
	}
	p.signal(syscall.SIGHUP)
	if a, b := hear(), hear(); a != "RELOADING=1" || b != "READY=1" {
		t.Errorf("the service manager hears %q, %q", a, b)
	}
	p.signal(syscall.SIGTERM)
	p.waitFor(20 * time.Second)
	if p.result != nil || !strings.Contains(p.stderr.String(), `"stopped"`) {
		t.Errorf("%v; stderr:\n%s", p.result, p.stderr.String())
	}
	if got := hear(); got != "STOPPING=1" {
		t.Errorf("the service manager hears %q", got)
	}
}

func TestASecondSignalEndsAtOnceAndKeepsTheRecords(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a destination that never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newSetting(t, "50ms")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	there := fmt.Sprintf("bucket: lake\n        endpoint: http://%s\n        access_key_id: a\n        secret_access_key: ${HOME}", silent.Addr())
	s.write(t, strings.NewReplacer("bucket: file://"+s.out, there, "shutdown_timeout: 10s", "shutdown_timeout: 10m").Replace(string(text)))

	p := startProcess(t, nil, "run", "-c", s.file)
	api, _ := p.up()
	if code, _, stderr := putLines(t, api, "clicks", "kept\n"); code != 0 {
		t.Fatal(stderr)
	}
	conn, err := silent.Accept() // the delivery is under way
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.signal(syscall.SIGTERM)
	p.until("begin of the stop", func() bool { return strings.Contains(p.stderr.String(), `"stopping"`) })
	p.signal(syscall.SIGTERM)
	p.waitFor(10 * time.Second)
	if p.result == nil {
		t.Error("it claims to have stopped in order")
	}
	if _, stdout, stderr := once(t, "buffer", "export", "clicks", "--dir", s.data); stdout != "kept\n" {
		t.Errorf("in the buffer: %q %s", stdout, stderr)
	}
}
