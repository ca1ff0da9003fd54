package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

func newObject(key, body string) *object.Object {
	sum := sha256.Sum256([]byte(body))
	return &object.Object{Key: key, ID: "id", Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:]), Body: strings.NewReader(body)}
}

func put(t *testing.T, s *Store, o *object.Object) {
	t.Helper()
	if err := s.Put(t.Context(), o); err != nil {
		t.Fatalf("Put(%s): %v", o.Key, err)
	}
}

func wantFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(folder, path)
			got = append(got, name+"="+string(body))
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func wantKind(t *testing.T, err error, kind sinks.Kind, reason string) {
	t.Helper()
	if e := sinks.AsError(err); err == nil || e.Kind != kind || e.Reason != reason {
		t.Errorf("error %v (%v, %q), want %v, %q", err, e.Kind, e.Reason, kind, reason)
	}
}

func TestExistingObjectStaysUntouched(t *testing.T) {
	folder := t.TempDir()
	var warnings []string
	s := New(folder, func(text string) { warnings = append(warnings, text) })
	put(t, s, newObject("a/b/one", "first"))
	put(t, s, newObject("a/b/one", "first"))
	if len(warnings) != 0 {
		t.Errorf("warnings %q", warnings)
	}
	stranger := newObject("a/b/one", "other")
	put(t, s, stranger)
	put(t, s, stranger)
	wantFiles(t, folder, "a/b/one=first", stranger.ConflictKey()+"=other")
	if len(warnings) != 2 || !strings.Contains(warnings[0], "other content") {
		t.Errorf("warnings %q", warnings)
	}
	if err := os.WriteFile(filepath.Join(folder, stranger.ConflictKey()), []byte("taken too"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Put(t.Context(), stranger), sinks.Permanent, "conflict")
}

func TestInterruptedAttemptIsWrittenOver(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "a"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a/.hydrant-id.tmp"), []byte("half of something longer than the object"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, New(folder, nil), newObject("a/one", "whole"))
	wantFiles(t, folder, "a/one=whole")
}

func TestFailedAttemptLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	s := New(folder, nil)
	o := newObject("a/one", "damaged")
	o.Body = strings.NewReader("damageD")
	wantKind(t, s.Put(t.Context(), o), sinks.Retryable, "spool-damaged")
	o = newObject("a/one", "short")
	o.Size++
	wantKind(t, s.Put(t.Context(), o), sinks.Retryable, "spool-damaged")
	ctx, cancel := context.WithCancel(t.Context())
	o = newObject("a/one", "canceled")
	o.Body = cancelingReader{bytes.NewReader([]byte("canceled")), cancel}
	o.Size = 1 << 20
	wantKind(t, s.Put(ctx, o), sinks.Retryable, "canceled")
	wantFiles(t, folder)
}

type cancelingReader struct {
	io.ReaderAt
	cancel func()
}

func (r cancelingReader) ReadAt(p []byte, off int64) (int, error) {
	r.cancel()
	return len(p), nil
}

func TestLinksDoNotLeadOut(t *testing.T) {
	folder, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(folder, "out")); err != nil {
		t.Fatal(err)
	}
	s := New(folder, nil)
	for _, key := range []string{"out/one", "../one", "a/../../one", "/" + outside + "/one"} {
		if err := s.Put(t.Context(), newObject(key, "x")); err == nil {
			t.Errorf("Put(%s) succeeded", key)
		}
	}
	wantFiles(t, outside)
}

func TestFolderIsCreatedOnlyInAnExistingOne(t *testing.T) {
	parent := t.TempDir()
	s := New(filepath.Join(parent, "bucket"), nil)
	if line, err := s.Probe(t.Context()); err != nil || !strings.Contains(line, "writable") {
		t.Errorf("Probe = %q, %v", line, err)
	}
	put(t, s, newObject("one", "1"))
	wantFiles(t, parent, "bucket/one=1")
	s = New(filepath.Join(parent, "missing", "bucket"), nil)
	wantKind(t, s.Put(t.Context(), newObject("one", "1")), sinks.Permanent, "no-folder")
	_, err := s.Probe(t.Context())
	wantKind(t, err, sinks.Permanent, "no-folder")
}

func TestFolderThatComesBackIsFound(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "bucket")
	s := New(folder, nil)
	put(t, s, newObject("one", "1"))
	if err := os.Rename(folder, folder+"-away"); err != nil {
		t.Fatal(err)
	}
	put(t, s, newObject("two", "2"))
	wantFiles(t, folder, "two=2")
	wantFiles(t, folder+"-away", "one=1")
}

func TestClassify(t *testing.T) {
	s := New("/bucket", nil)
	for _, test := range []struct {
		err    error
		kind   sinks.Kind
		reason string
	}{
		{syscall.ENOSPC, sinks.Retryable, "no-space"},
		{syscall.EDQUOT, sinks.Retryable, "no-space"},
		{syscall.EIO, sinks.Retryable, "io"},
		{syscall.ESTALE, sinks.Retryable, "io"},
		{context.DeadlineExceeded, sinks.Retryable, "timeout"},
		{errDamaged, sinks.Retryable, "spool-damaged"},
		{syscall.ENOENT, sinks.Permanent, "no-folder"},
		{syscall.EACCES, sinks.Permanent, "permission"},
		{syscall.EPERM, sinks.Permanent, "permission"},
		{syscall.EROFS, sinks.Permanent, "permission"},
		{syscall.ENOTDIR, sinks.Permanent, "name"},
		{syscall.ENAMETOOLONG, sinks.Permanent, "name"},
		{errors.New("never seen"), sinks.Retryable, "io"},
	} {
		err := s.classify("put object", fmt.Errorf("open x: %w", test.err))
		wantKind(t, err, test.kind, test.reason)
		if e := sinks.AsError(err); e.Kind == sinks.Permanent && !strings.Contains(e.Hint, "/bucket") {
			t.Errorf("%v: hint %q does not name the folder", test.err, e.Hint)
		}
	}
}

func TestAFileWhereAFolderIsNeeded(t *testing.T) {
	s := New(t.TempDir(), nil)
	put(t, s, newObject("a", "file"))
	wantKind(t, s.Put(t.Context(), newObject("a/b", "x")), sinks.Permanent, "name")
	wantKind(t, s.Put(t.Context(), newObject(strings.Repeat("n", 300), "x")), sinks.Permanent, "name")
}
