package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// minioModule is the last commit of MinIO's open repository that we tested
// with. It is a tool of tests only.
const minioModule = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"

// MinIOServer is a MinIO that runs.
type MinIOServer struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string
	Dir       string // the folder with the objects

	t       testing.TB
	binary  string
	address string
	mu      sync.Mutex
	process *process // nil while it is stopped
}

// MinIO starts a server of its own for the test, and kills it at the end.
func MinIO(t testing.TB) *MinIOServer {
	t.Helper()
	var err error
	s := &MinIOServer{AccessKey: "hydrant-test", SecretKey: "hydrant-test-secret", Dir: t.TempDir(), t: t, binary: MinIOBinary(t)}
	for attempt := 0; ; attempt++ {
		if s.address, err = freePort(); err != nil {
			t.Fatalf("find a port: %v", err)
		}
		s.Endpoint = "http://" + s.address
		if err = s.run(); err == nil {
			break
		}
		if attempt == 3 {
			t.Fatalf("start minio: %v", err)
		}
	}
	t.Cleanup(s.Stop)
	return s
}

// MinIOBinary returns the path of the static server, built if need be.
func MinIOBinary(t testing.TB) string {
	t.Helper()
	binary, err := tool("minio", minioModule)
	if err != nil {
		skipUnbuildable(t, err)
	}
	return binary
}

// Start starts the server again after Stop, at the same address.
func (s *MinIOServer) Start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("start minio: %v", err)
	}
}

// Stop kills the server. It may be called more than once.
func (s *MinIOServer) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.kill()
		s.process = nil
	}
}

func (s *MinIOServer) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	console, err := freePort()
	if err != nil {
		return err
	}
	data := filepath.Join(s.Dir, "data")
	cmd := exec.Command(s.binary, "server", "--address", s.address, "--console-address", console, data)
	cmd.Env = append(os.Environ(),
		"MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
		"MINIO_UPDATE=off", "MINIO_BROWSER=off", "MINIO_CI_CD=1", "GOMAXPROCS=2", "HOME="+s.Dir)
	log := filepath.Join(s.Dir, "minio.log")
	p, err := start(cmd, log)
	if err != nil {
		return err
	}
	err = p.ready(s.Endpoint + "/minio/health/ready")
	if err == nil {
		err = s.initialized(p)
	}
	if err != nil {
		p.kill()
		text, _ := os.ReadFile(log)
		return fmt.Errorf("%w\n%s", err, text)
	}
	s.process = p
	return nil
}

// initialized waits until requests are served: the health check of a server
// that starts on an existing folder is early.
func (s *MinIOServer) initialized(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	client := s.Client()
	for {
		_, err := client.ListBuckets(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Client returns a client with all rights.
func (s *MinIOServer) Client() *minio.Client {
	s.t.Helper()
	c, err := minio.New(s.address, &minio.Options{
		Creds:  credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""),
		Region: "us-east-1",
	})
	if err != nil {
		s.t.Fatalf("make minio client: %v", err)
	}
	return c
}

// Bucket makes a bucket.
func (s *MinIOServer) Bucket(name string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Client().MakeBucket(ctx, name, minio.MakeBucketOptions{}); err != nil {
		s.t.Fatalf("make bucket %s: %v", name, err)
	}
}
