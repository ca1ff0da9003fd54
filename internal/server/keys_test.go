package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"

	"github.com/hydrant-dev/hydrant/configs"
)

func TestAccessKeysChangeWhileItRuns(t *testing.T) {
	dir := t.TempDir()
	parse := func(secret string) *configs.Config {
		t.Helper()
		text := fmt.Sprintf(`
version: 1
server:
  data_dir: %s
  api: {listen: "127.0.0.1:0", access_keys: [{id: AKIAONE, secret: "${SECRET}", allow: ["*"]}]}
  admin: {listen: "127.0.0.1:0"}
streams:
  a:
    source: {direct_put: {}}
    destination: {s3: {bucket: "file://%s"}}
`, filepath.Join(dir, "data"), filepath.Join(dir, "lake"))
		c, problems := configs.Parse("test.yaml", dir, []byte(text), func(string) (string, bool) { return secret, true })
		if problems.Failed() {
			t.Fatal(problems.Err())
		}
		return c
	}
	ctx := context.Background()
	s, err := Start(ctx, parse("first"), Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	list := func(secret string) error {
		client := firehose.New(firehose.Options{
			Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.API().String()), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIAONE", secret, ""),
		})
		_, err := client.ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{})
		return err
	}
	if list("first") != nil || list("second") == nil {
		t.Errorf("before: first %v, second %v; want only the first to be let in", list("first"), list("second"))
	}
	if got := s.Apply(ctx, parse("second")); len(got) != 1 || got[0] != "changed the access keys" {
		t.Errorf("changes %q, want the access keys alone", got)
	}
	if list("first") == nil || list("second") != nil {
		t.Errorf("after: first %v, second %v; want only the second to be let in", list("first"), list("second"))
	}
}
