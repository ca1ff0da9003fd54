package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func (b *bucket) upload(t *testing.T, key string, body []byte) {
	t.Helper()
	if _, err := b.client.PutObject(context.Background(), b.name, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestErrorOutputIsFoundWhereItIsWritten fails a record and looks for it.
func TestErrorOutputIsFoundWhereItIsWritten(t *testing.T) {
	b := newBucket(t, servers.MinIO(t), "error-output")
	c := b.config()
	out, err := c.Open(sinks.Env{Stream: "clicks", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	chunk := sinktest.Chunk("one")
	chunk.Fail(0, &buffer.Failure{Output: "processing-failed", Code: "C"})
	var spool sinktest.Spool
	w := out.Errors.Batch(&spool)
	if err := w.Add(chunk, []int{0}); err != nil {
		t.Fatal(err)
	}
	payloads, err := w.Seal(sinktest.Plan(chunk))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(payloads)
	if err := out.Errors.Send(t.Context(), &payloads[0]); err != nil {
		t.Fatal(err)
	}
	b.upload(t, "errors/processing-failed/notes.txt", []byte("not ours"))

	output, err := c.ErrorOutput("clicks")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	got := map[string]string{}
	err = output.Each(t.Context(), func(e object.Entry, errorType string) error {
		content, err := output.Open(t.Context(), e)
		if err != nil {
			return err
		}
		line := make([]byte, e.Size)
		if _, err := content.ReadAt(line, 0); err != nil && err != io.EOF {
			return err
		}
		r, err := object.ReadErrorLine(line)
		if err == nil {
			got[errorType] = string(r.Data)
		}
		return errors.Join(err, content.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"processing-failed": "one"}, got); diff != "" {
		t.Errorf("error output (-want +got):\n%s", diff)
	}
}

func TestPlaceReadsOnlyWhatWasListed(t *testing.T) {
	b := newBucket(t, servers.MinIO(t), "places")
	large := bytes.Repeat([]byte("0123456789"), answerLimit/10+7)
	b.upload(t, "a/1", large)
	b.upload(t, "a/2", []byte("two"))
	p, err := b.config().place()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	all := map[string]object.Entry{}
	if err := p.List(t.Context(), "a/", func(e object.Entry) error { all[e.Key] = e; return nil }); err != nil {
		t.Fatal(err)
	}
	if folders, err := p.Folders(t.Context(), ""); err != nil || len(folders) != 1 || folders[0] != "a/" {
		t.Errorf("folders %q, %v", folders, err)
	}
	read := func(key string) ([]byte, error) {
		e := all[key]
		content, err := p.Open(t.Context(), e)
		if err != nil {
			return nil, err
		}
		text := make([]byte, e.Size)
		n, err := content.ReadAt(text, 0)
		return text[:n], errors.Join(err, content.Close())
	}
	if got, err := read("a/1"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	b.upload(t, "a/1", large[1:])
	if _, err := read("a/1"); !errors.Is(err, object.ErrChanged) {
		t.Errorf("replaced: %v", err)
	}
	if err := b.client.RemoveObject(t.Context(), b.name, "a/2", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := read("a/2"); !errors.Is(err, object.ErrChanged) {
		t.Errorf("deleted: %v", err)
	}
}

// TestAPlaceThatRefusesSaysWhichRightsAreMissing: the rights to read are
// others than those to write.
func TestAPlaceThatRefusesSaysWhichRightsAreMissing(t *testing.T) {
	b := newBucket(t, servers.MinIO(t), "refusing")
	c := b.config()
	c.Bucket = "not-there"
	p, err := c.place()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	err = p.List(t.Context(), "", func(object.Entry) error { return nil })
	if e := sinks.AsError(err); e.Kind != sinks.Permanent || !strings.Contains(err.Error(), "not-there") {
		t.Errorf("no bucket: %v", err)
	}
	denied := (&place{&store{bucket: "lake"}}).failed("list objects", minio.ErrorResponse{StatusCode: 403, Code: "AccessDenied"})
	if !strings.Contains(denied.Error(), "s3:ListBucket") || strings.Contains(denied.Error(), "s3:PutObject") {
		t.Error(denied)
	}
}
