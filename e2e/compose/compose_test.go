// Package compose runs docker-compose.yml as it is, with a container engine
// of its own. Images cannot be pulled everywhere, so those from outside are
// made here, under their public names: MinIO from the server that other tests
// use, Go's from the Go that runs the test.
package compose

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/minio/minio-go/v7"
	miniocreds "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
)

// The defaults in docker-compose.yml.
const (
	key    = "hydrant"
	secret = "hydrant-secret"
	token  = "hydrant-admin"
)

func TestComposeDeliversFromTheFirstCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images: not in a short run")
	}
	e := startEngine(t)
	makeImages(t, e)
	api, admin, store := hydrant.FreeAddress(t), hydrant.FreeAddress(t), hydrant.FreeAddress(t)
	e.env = append(e.env, "HYDRANT_PORT="+port(api), "HYDRANT_ADMIN_PORT="+port(admin),
		"MINIO_PORT="+port(store), "MINIO_CONSOLE_PORT="+port(hydrant.FreeAddress(t)))
	t.Cleanup(func() { e.compose(t, "down", "-v", "--remove-orphans") })
	e.compose(t, "up", "-d", "--build")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(e.compose(t, "logs", "--no-color", "--tail", "50"))
		}
	})

	until(t, "hydrant is healthy", time.Minute, func() bool {
		return e.inspect(t, "{{.State.Health.Status}}") == "healthy"
	})
	if user := e.inspect(t, "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}"); user != "65532:65532 true" {
		t.Errorf("user and read-only root: %q", user)
	}

	put(t, api, `{"n":1}`)
	if got := lake(t, store, 1); got != "{\"n\":1}\n" {
		t.Errorf("in the bucket is %q", got)
	}

	// What was answered outlives the container.
	put(t, api, `{"n":2}`)
	e.docker(t, "kill", "--signal", "KILL", e.container(t))
	e.docker(t, "start", e.container(t))
	if got := lake(t, store, 2); got != "{\"n\":1}\n{\"n\":2}\n" {
		t.Errorf("in the bucket is %q", got)
	}

	if code, _ := metrics(t, admin, ""); code != http.StatusUnauthorized {
		t.Errorf("metrics without the token: status %d", code)
	}
	if code, text := metrics(t, admin, token); code != http.StatusOK || !strings.Contains(text, `hydrant_ledger_gap_records{stream="clicks"} 0`) {
		t.Errorf("metrics: status %d\n%.500s", code, text)
	}
	e.docker(t, "stop", "--time", "30", e.container(t))
	if code := e.inspect(t, "{{.State.ExitCode}}"); code != "0" {
		t.Errorf("exit code %s after a stop", code)
	}
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func put(t *testing.T, address, record string) {
	t.Helper()
	c := firehose.New(firehose.Options{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, ""),
		BaseEndpoint: aws.String("http://" + address),
	})
	_, err := c.PutRecord(context.Background(), &firehose.PutRecordInput{
		DeliveryStreamName: aws.String("clicks"), Record: &types.Record{Data: []byte(record)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lake waits for so many objects in the bucket and returns their lines.
func lake(t *testing.T, address string, objects int) string {
	t.Helper()
	c, err := minio.New(address, &minio.Options{Creds: miniocreds.NewStaticV4(key, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	until(t, fmt.Sprintf("%d objects in the bucket", objects), time.Minute, func() bool {
		text.Reset()
		count := 0
		for o := range c.ListObjects(context.Background(), "lake", minio.ListObjectsOptions{Prefix: "clicks/", Recursive: true}) {
			if o.Err != nil || strings.Contains(o.Key, ".hydrant-probe") {
				continue
			}
			count++
			if body, err := c.GetObject(context.Background(), "lake", o.Key, minio.GetObjectOptions{}); err == nil {
				if r, err := gzip.NewReader(body); err == nil {
					io.Copy(&text, r)
				}
				body.Close()
			}
		}
		return count >= objects
	})
	return text.String()
}

func metrics(t *testing.T, address, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	var resp *http.Response
	until(t, "metrics", 20*time.Second, func() bool {
		resp, err = http.DefaultClient.Do(req)
		return err == nil
	})
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func until(t *testing.T, what string, patience time.Duration, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for: %s", patience, what)
		}
	}
}

// container is the name of hydrant's container.
func (e *engine) container(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(e.compose(t, "ps", "-q", "hydrant"))
}

func (e *engine) inspect(t *testing.T, format string) string {
	t.Helper()
	return strings.TrimSpace(e.docker(t, "inspect", "--format", format, e.container(t)))
}

func (e *engine) compose(t *testing.T, args ...string) string {
	t.Helper()
	return e.run(t, exec.Command("docker-compose", append([]string{"-p", e.project, "-f", hydrant.Root() + "/docker-compose.yml"}, args...)...))
}

func (e *engine) docker(t *testing.T, args ...string) string {
	t.Helper()
	return e.run(t, exec.Command("docker", args...))
}
