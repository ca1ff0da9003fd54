package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startHydrant builds the program, as it is released, and runs it with one
// stream to the bucket.
func startHydrant(ctx context.Context, s settings, dir string, cpus int, b *bucket) (*server, error) {
	return runHydrant(ctx, s, dir, cpus, b, deliveryInterval)
}

func runHydrant(ctx context.Context, s settings, dir string, cpus int, b *bucket, interval time.Duration) (*server, error) {
	binary := filepath.Join(s.dir, "hydrant")
	if err := build(ctx, binary, "./cmd/hydrant", "build", "-ldflags=-s -w"); err != nil {
		return nil, err
	}
	api, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "hydrant.yaml")
	err = os.WriteFile(config, fmt.Appendf(nil, `version: 1
server:
  data_dir: %s
  api: {listen: "%s"}
  admin: {listen: "%s"}
  log: {level: warn}
streams:
  bench:
    source:
      direct_put: {}
    destination:
      s3:
        endpoint: %s
        path_style: true
        access_key_id: ${env:HYDRANT_BENCH_KEY}
        secret_access_key: ${env:HYDRANT_BENCH_SECRET}
        bucket: %s
        compression_format: GZIP
        buffering_hints: {size: 5MiB, interval: %s}
`, filepath.Join(dir, "data"), api, admin, b.server.Endpoint, b.name, interval), 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "run", "-c", config)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cpus),
		"HYDRANT_BENCH_KEY="+b.server.AccessKey, "HYDRANT_BENCH_SECRET="+b.server.SecretKey)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start hydrant: %w", err)
	}
	srv := &server{cmd: cmd, address: api, admin: admin}
	srv.buffered = func(ctx context.Context) (int64, error) { return hydrantBuffered(ctx, admin) }
	if err := srv.ready(); err != nil {
		srv.stop()
		return nil, err
	}
	return srv, nil
}

// ready waits until hydrant says that it is.
func (s *server) ready() error {
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(2 * time.Millisecond) {
		answer, err := http.Get("http://" + s.admin + "/readyz")
		if err != nil {
			continue // it does not listen yet
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("start hydrant: it is not ready after a minute")
}

// freeAddress returns one of which the port was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// hydrantBuffered asks the admin API what is not delivered yet.
func hydrantBuffered(ctx context.Context, admin string) (int64, error) {
	var status struct {
		Streams []struct {
			Ledger struct{ Buffered struct{ Records int64 } }
		}
	}
	if err := getJSON(ctx, "http://"+admin+"/api/v1/streams", &status); err != nil {
		return 0, err
	}
	if len(status.Streams) != 1 {
		return 0, fmt.Errorf("ask hydrant for its streams: it has %d, want 1", len(status.Streams))
	}
	return status.Streams[0].Ledger.Buffered.Records, nil
}
