package records_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/internal/records"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/file"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// read returns the records of a file with this content as "number:data", and
// how it ended.
func read(t *testing.T, content []byte, limit int) ([]string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	place := file.NewPlace(dir)
	var all []object.Entry
	if err := place.List(t.Context(), "", func(e object.Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return readAt(t.Context(), place, all[0], limit)
}

func readAt(ctx context.Context, place object.Place, e object.Entry, limit int) ([]string, error) {
	var n atomic.Int64
	r, err := records.Open(ctx, place, e, limit, &n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var found []string
	for {
		record, err := r.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		long := ""
		if record.TooLong {
			long = "!"
		}
		found = append(found, fmt.Sprintf("%d%s:%s", record.Number, long, record.Data))
	}
}

func gz(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func TestLinesAreRecords(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for name, tt := range map[string]struct {
		content []byte
		limit   int
		want    []string
	}{
		"plain":                {[]byte("a\n\nb\r\nc"), 100, []string{"1:a", "3:b", "4:c"}},
		"byte order mark":      {[]byte("\xef\xbb\xbfa\n"), 100, []string{"1:a"}},
		"binary":               {[]byte("\x00\xff\n"), 100, []string{"1:\x00\xff"}},
		"exactly":              {[]byte("abc\r\nabcd\nx\n"), 3, []string{"1:abc", "2!:abc", "3:x"}},
		"longer than a buffer": {[]byte(long + "\nx\n"), 10, []string{"1!:xxxxxxxxxx", "2:x"}},
		"gzip":                 {append(gz("a\nb\n"), gz("c\n")...), 100, []string{"1:a", "2:b", "3:c"}},
	} {
		got, err := read(t, tt.content, tt.limit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRowsAreRecords(t *testing.T) {
	type row struct {
		ID   int64   `parquet:"id"`
		Name *string `parquet:"name,optional"`
	}
	var b bytes.Buffer
	name := "x"
	w := parquet.NewGenericWriter[row](&b)
	for i := range 3 {
		if _, err := w.Write([]row{{ID: int64(i)}, {ID: int64(i + 10), Name: &name}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil { // a row group each
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, b.Bytes(), 100)
	want := []string{`1:{"id":0,"name":null}`, `2:{"id":10,"name":"x"}`, `3:{"id":1,"name":null}`, `4:{"id":11,"name":"x"}`, `5:{"id":2,"name":null}`, `6:{"id":12,"name":"x"}`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := read(t, b.Bytes()[:b.Len()-9], 100); !records.Damaged(err) {
		t.Errorf("cut off: %v", err)
	}
}

// TestDamageIsToldFromTrouble: the one stays, the other goes.
func TestDamageIsToldFromTrouble(t *testing.T) {
	packed := gz(strings.Repeat("line\n", 10_000))
	got, err := read(t, packed[:len(packed)-10], 100)
	if !records.Damaged(err) || len(got) == 0 || !strings.Contains(err.Error(), "ends early") {
		t.Errorf("%d records of a truncated file, %v", len(got), err)
	}
	if _, err := read(t, []byte("PK\x03\x04"), 100); !records.Damaged(err) {
		t.Errorf("an archive: %v", err)
	}
	refused := &sinks.Error{Kind: sinks.Permanent, Op: "read", Err: errors.New("no")}
	if _, err := readAt(t.Context(), &flaky{err: refused, times: 1 << 30}, object.Entry{Key: "k", Size: 2}, 100); records.Damaged(err) || !errors.Is(err, refused) {
		t.Errorf("a storage that refuses: %v", err)
	}
	changed := fmt.Errorf("read: %w", object.ErrChanged)
	if _, err := readAt(t.Context(), &flaky{err: changed, times: 1 << 30}, object.Entry{Key: "k", Size: 2}, 100); records.Damaged(err) || !errors.Is(err, object.ErrChanged) {
		t.Errorf("an object that changed: %v", err)
	}
}

// flaky is a place whose object "a\n" cannot be read some times.
type flaky struct {
	object.Place
	err   error
	times int
}

func (f *flaky) Open(context.Context, object.Entry) (object.Content, error) { return f, nil }
func (f *flaky) Close() error                                               { return nil }
func (f *flaky) ReadAt(b []byte, at int64) (int, error) {
	if f.times > 0 {
		f.times--
		return 0, f.err
	}
	return strings.NewReader("a\n").ReadAt(b, at)
}

func TestAStorageThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := &sinks.Error{Kind: sinks.Throttled, Op: "read", RetryAfter: time.Minute, Err: errors.New("slow down")}
		began := time.Now()
		got, err := readAt(t.Context(), &flaky{err: away, times: 2}, object.Entry{Key: "k", Size: 2}, 100)
		if err != nil || len(got) != 1 || time.Since(began) < 2*time.Minute {
			t.Errorf("%v, %v after %v", got, err, time.Since(began))
		}
		if _, err := readAt(t.Context(), &flaky{err: away, times: 1 << 30}, object.Entry{Key: "k", Size: 2}, 100); !errors.Is(err, away) {
			t.Errorf("a storage that stays away: %v", err)
		}
	})
}
