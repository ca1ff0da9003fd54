package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
)

// nasty are records that something on the way might want to improve.
var nasty = []string{
	"plain",
	`{"json": "with \"quotes\" and \\ and /"}`,
	"line\nfeeds\r\nand\ttabs\n",
	"Grüße, 世界, \U0001f6b0",
	" spaces at both ends ",
	"bGlrZSBiYXNlNjQ=",
	strings.Repeat("0123456789abcdef", 6000),
}

// bytesToo are nasty, and records that are no text.
var bytesToo = append(slices.Clone(nasty), everyByte(), "\x00", "\xff\xfe\x80")

func everyByte() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

const (
	accessKey = "AKIAE2ECLIENTS"
	secretKey = "not/a+real=secret"
)

// door is a running program that a client can put records to.
type door struct {
	*hydrant.Site
	folder string // the bucket
}

// openDoor runs the program with one stream, "clients", that wants signed
// requests and keeps the records as they are, back to back.
func openDoor(t *testing.T) *door {
	t.Helper()
	return openDoorWith(t, fmt.Sprintf("access_keys: [{id: %q, secret: %q, allow: [\"*\"]}]", accessKey, secretKey))
}

// openDoorWithoutKeys is openDoor for requests that nobody signed.
func openDoorWithoutKeys(t *testing.T) *door {
	t.Helper()
	return openDoorWith(t, "access_keys: []")
}

func openDoorWith(t *testing.T, keys string) *door {
	t.Helper()
	d := &door{Site: hydrant.NewSite(t, hydrant.Binary(t))}
	d.folder = filepath.Join(d.Dir, "bucket")
	if err := os.Mkdir(d.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`version: 1
server:
  data_dir: %s
  api:
    listen: %q
    %s # hydrant:allow literal-secret
  admin: {listen: %q}
streams:
  clients:
    source: {direct_put: {}}
    destination:
      s3:
        bucket: file://%s
        record_delimiter: none
        buffering_hints: {size: 5MiB, interval: 500ms} # hydrant:allow small-objects
`, d.DataDir(), d.API, keys, d.Admin, d.folder)
	write(t, filepath.Join(d.Dir, "hydrant.yaml"), text)
	p := d.Exec(nil, "run", "-c", filepath.Join(d.Dir, "hydrant.yaml"))
	p.Ready(20 * time.Second)
	return d
}

// landed waits until so many bytes are in the bucket and returns them in the
// order they were delivered.
func (d *door) landed(t *testing.T, want int) []byte {
	t.Helper()
	var content []byte
	until(t, fmt.Sprintf("%d bytes in the bucket", want), 20*time.Second, func() bool {
		content = d.content(t)
		return len(content) >= want
	})
	return content
}

func (d *door) content(t *testing.T) []byte {
	t.Helper()
	type object struct {
		path string
		at   time.Time
	}
	var all []object
	err := filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil // a temporary file that has its name by now
		}
		all = append(all, object{path, info.ModTime()})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b object) int { return a.at.Compare(b.at) })
	var content []byte
	for _, o := range all {
		text, err := os.ReadFile(o.path)
		if err != nil {
			return nil
		}
		content = append(content, text...)
	}
	return content
}

// expect compares what landed: each record was put alone, then all as a batch.
func (d *door) expect(t *testing.T, records []string) {
	t.Helper()
	want := []byte(strings.Repeat(strings.Join(records, ""), 2))
	if got := d.landed(t, len(want)); !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Errorf("%d bytes landed, %d were sent; the first difference is at %d:\n got %.80q\nwant %.80q", len(got), len(want), at, got[at:], want[at:])
	}
}

// recordsFile writes the records as a JSON list of base64 texts.
func recordsFile(t *testing.T, records []string) string {
	t.Helper()
	list := make([][]byte, len(records))
	for i, r := range records {
		list[i] = []byte(r)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "records.json")
	write(t, path, string(text))
	return path
}

// client runs a client program with the credentials in its environment.
func client(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true")
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func TestGoSDK(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ctx := context.Background()
	c := firehose.New(firehose.Options{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		BaseEndpoint: aws.String("http://" + d.API),
	})
	var batch []types.Record
	for _, r := range bytesToo {
		one := types.Record{Data: []byte(r)}
		if _, err := c.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("clients"), Record: &one}); err != nil {
			t.Fatal(err)
		}
		batch = append(batch, one)
	}
	out, err := c.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{DeliveryStreamName: aws.String("clients"), Records: batch})
	if err != nil || aws.ToInt32(out.FailedPutCount) != 0 {
		t.Fatalf("put batch: %v, %v", out, err)
	}
	d.expect(t, bytesToo)
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: python3 with boto3: %v", err)
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			d := openDoor(t)
			client(t, []string{"AWS_CA_BUNDLE=" + filepath.Join(d.DataDir(), "tls", "ca.pem")},
				"python3", "-c", `
import base64, boto3, json, sys
endpoint, records = sys.argv[1], [base64.b64decode(r) for r in json.load(open(sys.argv[2]))]
c = boto3.client("firehose", endpoint_url=endpoint)
for r in records:
    assert c.put_record(DeliveryStreamName="clients", Record={"Data": r})["RecordId"]
out = c.put_record_batch(DeliveryStreamName="clients", Records=[{"Data": r} for r in records])
assert out["FailedPutCount"] == 0, out
assert c.describe_delivery_stream(DeliveryStreamName="clients")["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
assert c.list_delivery_streams()["DeliveryStreamNames"] == ["clients"]
`, scheme+"://"+d.API, recordsFile(t, bytesToo))
			d.expect(t, bytesToo)
		})
	}
}

func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("aws", "--version").CombinedOutput()
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: the AWS command line: %v", err)
	}
	args := []string{"firehose"}
	if strings.HasPrefix(string(out), "aws-cli/2") { // version 1 takes Data as it is written
		args = append(args, "--cli-binary-format", "raw-in-base64-out")
	}
	d := openDoor(t)
	type record struct{ Data string }
	var batch []record
	put := func(operation, option string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "input.json")
		write(t, path, string(text))
		client(t, nil, "aws", append(slices.Clone(args), operation, "--endpoint-url", "http://"+d.API,
			"--delivery-stream-name", "clients", option, "file://"+path)...)
	}
	few := nasty[:4] // the program takes a second to start
	for _, r := range few {
		put("put-record", "--record", record{r})
		batch = append(batch, record{r})
	}
	put("put-record-batch", "--records", batch)
	d.expect(t, few)
}

// The version of the JavaScript client that is installed into .tools.
const javaScriptClient = "@aws-sdk/client-firehose@3.1169.0"

func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	node := filepath.Join(root(t), ".tools", "node")
	if _, err := os.Stat(filepath.Join(node, "node_modules", "@aws-sdk", "client-firehose")); err != nil {
		if err := os.MkdirAll(node, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("npm", "install", "--prefix", node, "--no-audit", "--no-fund", "--no-save", javaScriptClient)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: the JavaScript SDK: %v\n%s", err, out)
		}
	}
	d := openDoor(t)
	client(t, []string{"NODE_PATH=" + filepath.Join(node, "node_modules")}, "node", "-e", `
const { FirehoseClient, PutRecordCommand, PutRecordBatchCommand } = require("@aws-sdk/client-firehose");
const [endpoint, file] = process.argv.slice(1);
const records = JSON.parse(require("fs").readFileSync(file)).map((r) => ({ Data: Buffer.from(r, "base64") }));
(async () => {
  const c = new FirehoseClient({ endpoint });
  for (const r of records) await c.send(new PutRecordCommand({ DeliveryStreamName: "clients", Record: r }));
  const out = await c.send(new PutRecordBatchCommand({ DeliveryStreamName: "clients", Records: records }));
  if (out.FailedPutCount !== 0) throw new Error(JSON.stringify(out));
})().catch((e) => { console.error(e); process.exit(1); });
`, "http://"+d.API, recordsFile(t, bytesToo))
	d.expect(t, bytesToo)
}

// hydrant's own client, with a line a record.
func TestOwnPutCommand(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	var lines []string
	for n := range 3000 {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, n))
	}
	input := filepath.Join(t.TempDir(), "input")
	write(t, input, strings.Join(lines, "\n")+"\n")
	client(t, nil, d.Program, "put", "clients", input, "--endpoint", "http://"+d.API)
	want := strings.Join(lines, "")
	got := strings.SplitAfter(string(d.landed(t, len(want))), "}")
	slices.Sort(got)
	wanted := strings.SplitAfter(want, "}")
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("%d records landed, %d were sent", len(got)-1, len(lines))
	}
}
