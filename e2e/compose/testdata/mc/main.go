// Command mc stands in for MinIO's client in the image that the test makes:
// it knows the two commands of docker-compose.yml.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "ready": // the server in the same container
		resp, err := http.Get("http://127.0.0.1:9000/minio/health/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("not ready: %s", resp.Status)
		}
		return nil
	case len(args) == 3 && args[0] == "mb" && args[1] == "--ignore-existing":
		alias, bucket, _ := strings.Cut(args[2], "/")
		return makeBucket(os.Getenv("MC_HOST_"+alias), bucket)
	}
	return fmt.Errorf("unknown command %q", args)
}

func makeBucket(host, bucket string) error {
	u, err := url.Parse(host)
	if err != nil {
		return err
	}
	secret, _ := u.User.Password()
	c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(u.User.Username(), secret, "")})
	if err != nil {
		return err
	}
	exists, err := c.BucketExists(context.Background(), bucket)
	if err != nil || exists {
		return err
	}
	return c.MakeBucket(context.Background(), bucket, minio.MakeBucketOptions{})
}
