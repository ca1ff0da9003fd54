package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// collectorName names the version, which is in otelcol/go.mod, and what is built
// into it: another one is built beside it.
const collectorName = "otelcol-v0.128.0-records"

// CollectorServer is an OpenTelemetry collector that runs, with receivers for
// Splunk's HEC and for Firehose's HTTP endpoint; see folder otelcol.
type CollectorServer struct {
	Address string // host and port of its receiver
	URL     string // http://Address
	Output  string // the file that its exporter writes; there once something was written

	t       testing.TB
	binary  string
	config  string // path
	mu      sync.Mutex
	process *process // nil while it is stopped
}

// Collector starts a collector of its own for the test, and kills it at the
// end. config is its configuration. In it ${env:ADDRESS} is where the receiver
// shall listen, and ${env:OUTPUT} the file that a file exporter shall write.
func Collector(t testing.TB, config string) *CollectorServer {
	t.Helper()
	dir := t.TempDir()
	s := &CollectorServer{
		Output: filepath.Join(dir, "output.json"),
		t:      t,
		binary: collectorBinary(t),
		config: filepath.Join(dir, "config.yaml"),
	}
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	for attempt := 0; ; attempt++ {
		if s.Address, err = freePort(); err != nil {
			t.Fatalf("find a port: %v", err)
		}
		s.URL = "http://" + s.Address
		if err = s.run(); err == nil {
			break
		}
		if attempt == 3 {
			t.Fatalf("start otelcol: %v", err)
		}
	}
	t.Cleanup(s.Kill)
	return s
}

// collectorBinary returns the path of the collector, built if need be.
func collectorBinary(t testing.TB) string {
	t.Helper()
	binary, err := built(collectorName, func(path string) *exec.Cmd {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		cmd.Dir = filepath.Join(filepath.Dir(filepath.Dir(path)), "e2e", "servers", "otelcol")
		return cmd
	})
	if err != nil {
		skipUnbuildable(t, err)
	}
	return binary
}

// Start starts the collector again, at the same address. What it kept in
// memory, such as acknowledgements, is gone.
func (s *CollectorServer) Start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("start otelcol: %v", err)
	}
}

// Kill ends the collector at once. It may be called more than once.
func (s *CollectorServer) Kill() { s.end(syscall.SIGKILL) }

// Stop lets the collector finish what it has received. It may be called more
// than once.
func (s *CollectorServer) Stop() { s.end(syscall.SIGTERM) }

func (s *CollectorServer) end(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.cmd.Process.Signal(signal)
		<-s.process.exited
		s.process = nil
	}
}

func (s *CollectorServer) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := exec.Command(s.binary, s.config)
	cmd.Env = append(os.Environ(), "ADDRESS="+s.Address, "OUTPUT="+s.Output, "GOMAXPROCS=2")
	log := filepath.Join(filepath.Dir(s.config), "otelcol.log")
	p, err := start(cmd, log)
	if err != nil {
		return err
	}
	if err := p.listens(s.Address); err != nil {
		p.kill()
		text, _ := os.ReadFile(log)
		return fmt.Errorf("%w\n%s", err, text)
	}
	s.process = p
	return nil
}

// listens waits until an address takes connections.
func (p *process) listens(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not listen: %w", err)
		case <-tick.C:
		}
	}
}
