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

	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// startHydrant builds the program, as it is released, and runs it with one
// stream to the bucket.
func startHydrant(ctx context.Context, s settings, dir string, form objectForm, cpus int, b *bucket) (*server, error) {
	return runHydrant(ctx, s, dir, form, cpus, b, deliveryInterval)
}

// yaml is what a user writes to get objects of the form.
func (f objectForm) yaml(interval time.Duration) string {
	if f == gzipObjects {
		return fmt.Sprintf(`
        compression_format: GZIP
        buffering_hints: {size: 5MiB, interval: %s} # hydrant:allow small-objects
`, interval)
	}
	text := fmt.Sprintf(`
        buffering_hints: {size: 64MiB, interval: %s} # hydrant:allow small-objects
        data_format_conversion:
          output_format: {parquet: {compression: SNAPPY}}
          schema:
            columns:
`, interval)
	for _, c := range columnsOf("clicks") {
		text += fmt.Sprintf("              - {name: %s, type: %q}\n", c.Name, c.Type)
	}
	return text
}

// clicksConversion is the same for a harness.
func clicksConversion() *conversion.Config {
	c := conversion.Default()
	c.OutputName, c.Output = "parquet", parquet.Default()
	for _, f := range columnsOf("clicks") {
		c.Schema.Columns = append(c.Schema.Columns, schema.Column{Name: f.Name, Type: f.Type.String()})
	}
	return c
}

func runHydrant(ctx context.Context, s settings, dir string, form objectForm, cpus int, b *bucket, interval time.Duration) (*server, error) {
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
        access_key_id: ${HYDRANT_BENCH_KEY}
        secret_access_key: ${HYDRANT_BENCH_SECRET}
        bucket: %s%s`, filepath.Join(dir, "data"), api, admin, b.server.Endpoint, b.name, form.yaml(interval)), 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "run", "-c", config)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cpus),
		"HYDRANT_BENCH_KEY="+b.server.AccessKey, "HYDRANT_BENCH_SECRET="+b.server.SecretKey)
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start hydrant: %w", err)
	}
	srv := &server{cmd: cmd, address: api, admin: admin}
	srv.follow()
	srv.buffered = func(ctx context.Context) (int64, error) { return hydrantBuffered(ctx, admin) }
	if err := srv.ready(); err != nil {
		srv.stop()
		text, _ := os.ReadFile(log.Name()) // it may say more
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return srv, nil
}

// ready waits until hydrant says that it is.
func (s *server) ready() error {
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		select {
		case <-s.ended:
			return fmt.Errorf("start hydrant: it ended with %s", s.cmd.ProcessState)
		case <-time.After(2 * time.Millisecond):
		}
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
