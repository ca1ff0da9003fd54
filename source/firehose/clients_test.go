package firehose

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
)

func sdk(url, key, secret string) *firehose.Client {
	return firehose.New(firehose.Options{
		BaseEndpoint: aws.String(url),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, ""),
		Retryer:      aws.NopRetryer{},
	})
}

func TestGoSDK(t *testing.T) {
	web, paused := direct(), direct()
	paused.suspended = true
	p := start(t, keyed("*"), memoryStreams{"web": web, "paused": paused})
	c, ctx := sdk("http://"+p.address, testKey, testSecret), context.Background()

	one, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("web"), Record: &types.Record{Data: []byte("one")}})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(one.RecordId) == "" || aws.ToBool(one.Encrypted) {
		t.Errorf("PutRecord answered %+v", one)
	}
	many, err := c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: aws.String("web"),
		Records: []types.Record{{Data: []byte("two")}, {Data: []byte{}}, {Data: []byte{0, 255}}}})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToInt32(many.FailedPutCount) != 0 || len(many.RequestResponses) != 3 || aws.ToString(many.RequestResponses[2].RecordId) == "" {
		t.Errorf("PutRecordBatch answered %+v", many)
	}
	if diff := cmp.Diff([]string{"one", "two", "", "\x00\xff"}, web.stored()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}

	described, err := c.DescribeDeliveryStream(ctx, &firehose.DescribeDeliveryStreamInput{DeliveryStreamName: aws.String("web"), Limit: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	d := described.DeliveryStreamDescription
	if aws.ToString(d.DeliveryStreamName) != "web" || d.DeliveryStreamStatus != types.DeliveryStreamStatusActive ||
		!aws.ToTime(d.CreateTimestamp).Equal(time.UnixMilli(1714500000123)) || aws.ToString(d.VersionId) != "1" {
		t.Errorf("described as %+v", d)
	}
	s3 := d.Destinations[0].ExtendedS3DestinationDescription
	if aws.ToString(s3.BucketARN) != "arn:aws:s3:::lake" || aws.ToInt32(s3.BufferingHints.IntervalInSeconds) != 60 ||
		s3.CompressionFormat != types.CompressionFormatGzip || d.Destinations[0].S3DestinationDescription == nil {
		t.Errorf("destination described as %+v", s3)
	}
	listed, err := c.ListDeliveryStreams(ctx, &firehose.ListDeliveryStreamsInput{Limit: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	if !aws.ToBool(listed.HasMoreDeliveryStreams) || !cmp.Equal(listed.DeliveryStreamNames, []string{"paused"}) {
		t.Errorf("listed %+v", listed)
	}

	put := func(c *firehose.Client, stream string) error {
		_, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String(stream), Record: &types.Record{Data: []byte("x")}})
		return err
	}
	for _, name := range []string{"nope", "paused"} {
		var missing *types.ResourceNotFoundException
		if err := put(c, name); !errors.As(err, &missing) {
			t.Errorf("put to %s: %v", name, err)
		}
	}
	var invalid *types.InvalidArgumentException
	if _, err := c.DeleteDeliveryStream(ctx, &firehose.DeleteDeliveryStreamInput{DeliveryStreamName: aws.String("web")}); !errors.As(err, &invalid) {
		t.Errorf("delete: %v", err)
	}
	for code, c := range map[string]*firehose.Client{
		"InvalidSignatureException":   sdk("http://"+p.address, testKey, "wrong"),
		"UnrecognizedClientException": sdk("http://"+p.address, "AKIANOBODY", testSecret),
	} {
		var api smithy.APIError
		if err := put(c, "web"); !errors.As(err, &api) || api.ErrorCode() != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// What a full buffer answers must make the SDK try again, and what cannot
// work must not.
func TestGoSDKRetriesWhatMayWork(t *testing.T) {
	for name, want := range map[string]int{"full": 3, "suspended": 1} {
		puts := 0
		stream := direct()
		stream.suspended = name == "suspended"
		stream.fail = buffer.ErrFull
		c := Default()
		h := NewHandler(c, memoryStreams{"web": stream}, Events{Put: func(string, string, string, int, int, time.Duration) { puts++ }})
		server, err := OpenServer(c, h, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		l, err := Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- server.Serve(l) }()
		client := firehose.New(firehose.Options{
			BaseEndpoint: aws.String("http://" + l.Addr().String()), Region: "us-east-1",
			Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
			Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }),
		})
		if _, err := client.PutRecord(context.Background(), &firehose.PutRecordInput{DeliveryStreamName: aws.String("web"), Record: &types.Record{Data: []byte("x")}}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if puts != want {
			t.Errorf("%s: %d tries, want %d", name, puts, want)
		}
	}
}

// environment returns what AWS tools need to talk to us, and nothing of the
// developer's own configuration.
func environment(p port) []string {
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	return append(inherited,
		"AWS_ENDPOINT_URL_FIREHOSE=https://"+p.address, "AWS_CA_BUNDLE="+p.CAFile(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID="+testKey, "AWS_SECRET_ACCESS_KEY="+testSecret, "AWS_MAX_ATTEMPTS=1",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
	)
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	web := direct()
	p := start(t, keyed("*"), memoryStreams{"web": web})
	if out, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, boto3 was not tested: %v %s", err, out)
	}
	script := filepath.Join("testdata", "boto3_client.py")
	command := exec.Command("python3", script)
	command.Env = environment(p)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	golden(t, "boto3_client.txt", string(out))
	stored := web.stored()
	if len(stored) != 504 || stored[0] != "one" || stored[1] != "two" || stored[2] != "" || stored[3] != "\x00\xff" || stored[503] != "499" {
		t.Errorf("%d records stored: %.100q", len(stored), stored)
	}
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	version, err := exec.Command("aws", "--version").CombinedOutput()
	if err != nil {
		t.Skipf("SKIPPED, the AWS CLI was not tested: %v %s", err, version)
	}
	web := direct()
	p := start(t, keyed("*"), memoryStreams{"web": web})
	run := func(arguments ...string) (string, error) {
		if strings.HasPrefix(string(version), "aws-cli/2") {
			arguments = append(arguments, "--cli-binary-format", "raw-in-base64-out")
		}
		command := exec.Command("aws", append([]string{"firehose", "--output", "text"}, arguments...)...)
		command.Env = environment(p)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	for _, c := range []struct{ arguments, want string }{
		{`put-record-batch --delivery-stream-name web --records [{"Data":"a"},{"Data":"b"}]`, "9f0c31aa52e07b440000000000000002"},
		{"describe-delivery-stream --delivery-stream-name web", "arn:aws:s3:::lake"},
	} {
		if out, err := run(strings.Fields(c.arguments)...); err != nil || !strings.Contains(out, c.want) {
			t.Errorf("aws firehose %s: %v\n%s", c.arguments, err, out)
		}
	}
	if out, err := run("put-record", "--delivery-stream-name", "nope", "--record", "Data=x"); err == nil || !strings.Contains(out, "Firehose nope under account 000000000000 not found.") {
		t.Errorf("unknown stream: %v\n%s", err, out)
	}
	if diff := cmp.Diff([]string{"a", "b"}, web.stored()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}
