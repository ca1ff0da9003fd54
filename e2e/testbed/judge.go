package testbed

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
)

// Judge reads everything in the bucket and compares it with the producers'
// ledgers and with the program's own account. All must be quiet; see Quiesce.
func (b *Bed) Judge() []oracle.Violation {
	b.t.Helper()
	metrics, err := b.Metrics()
	if err != nil {
		b.t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		found []oracle.Violation
		wg    sync.WaitGroup
	)
	for _, s := range b.Streams {
		wg.Go(func() {
			tally, failed := b.Read(s)
			list := append(oracle.Judge(tally, b.Ledgers(s.Name)), account(metrics, s.Name, tally, failed)...)
			list = append(list, b.judgeBackup(s, tally)...)
			mu.Lock()
			defer mu.Unlock()
			for _, v := range list {
				v.Detail = "stream " + s.Name + ": " + v.Detail
				found = append(found, v)
			}
		})
	}
	wg.Wait()
	return append(found, b.Leftovers()...)
}

// judgeBackup expects in a stream's backup what is delivered or failed.
func (b *Bed) judgeBackup(s Stream, settled *oracle.Tally) []oracle.Violation {
	b.t.Helper()
	if !s.Backup {
		return nil
	}
	tally := oracle.NewTally(b.Seed)
	b.each("source/"+s.Name+"/", func(key string, body io.Reader) error {
		r, err := gzip.NewReader(body)
		if err != nil {
			return fmt.Errorf("read object %s: %w", key, err)
		}
		return tally.Object(key, r, true)
	})
	found := oracle.Judge(tally, b.Ledgers(s.Name))
	if tally.Records != settled.Records || tally.Bytes != settled.Bytes {
		found = append(found, oracle.Violation{Kind: oracle.Account, Detail: fmt.Sprintf(
			"the backup has %d records of %d bytes, %d of %d are delivered or failed", tally.Records, tally.Bytes, settled.Records, settled.Bytes)})
	}
	for i := range found {
		found[i].Detail = "backup: " + found[i].Detail
	}
	return found
}

// Read reads all objects of a stream, and those of its error output if it
// converts. failed is how much of it is there.
func (b *Bed) Read(s Stream) (tally *oracle.Tally, failed buffer.Count) {
	b.t.Helper()
	tally = oracle.NewTally(b.Seed)
	if s.Convert != "" {
		// A record of one byte is no JSON object.
		b.each("failed/"+s.Name+"/", func(key string, body io.Reader) error { return readFailed(tally, key, body) })
		failed = buffer.Count{Records: tally.Records, Bytes: tally.Bytes}
	}
	b.each(s.Name+"/", func(key string, body io.Reader) error { return readInto(tally, key, body, s) })
	return tally, failed
}

// each calls read for the objects below a prefix.
func (b *Bed) each(prefix string, read func(key string, body io.Reader) error) {
	b.t.Helper()
	for _, key := range b.Keys(prefix) {
		body, err := b.Store.Client().GetObject(context.Background(), b.Bucket, key, minio.GetObjectOptions{})
		if err == nil {
			err = read(key, body)
			body.Close()
		}
		if err != nil {
			b.t.Errorf("read bucket: %v", err)
			return
		}
	}
}

func readInto(tally *oracle.Tally, key string, body io.Reader, s Stream) error {
	if s.Convert == "parquet" {
		return readParquet(tally, key, body)
	}
	switch s.Compression {
	case "GZIP":
		r, err := gzip.NewReader(body)
		if err != nil {
			return fmt.Errorf("read object %s: %w", key, err)
		}
		body = r
	case "ZSTD":
		r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("read object %s: %w", key, err)
		}
		defer r.Close()
		body = r
	}
	return tally.Object(key, body, s.Delimiter != "none")
}

// Keys lists the objects below a prefix, but for the tiny ones with which the
// program tries out the store; see Leftovers.
func (b *Bed) Keys(prefix string) []string {
	b.t.Helper()
	var keys []string
	for o := range b.Store.Client().ListObjects(context.Background(), b.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			b.t.Fatalf("list bucket: %v", o.Err)
		}
		if !strings.Contains(o.Key, probeMark) {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

const probeMark = ".hydrant-probe"

// account compares the program's numbers with each other and with what is in
// the bucket.
func account(m hydrant.Metrics, stream string, tally *oracle.Tally, failed buffer.Count) []oracle.Violation {
	var found []oracle.Violation
	wrong := func(format string, args ...any) {
		found = append(found, oracle.Violation{Kind: oracle.Account, Detail: fmt.Sprintf(format, args...)})
	}
	all := buffer.Count{Records: tally.Records, Bytes: tally.Bytes}
	good := all.Sub(failed)
	for unit, there := range map[string][2]uint64{"records": {good.Records, failed.Records}, "bytes": {good.Bytes, failed.Bytes}} {
		get := func(name string) uint64 { return ledger(m, stream, name, unit) }
		settled := get("delivered") + get("failed") + get("dropped") + get("lost") + get("buffered")
		if accepted := get("accepted"); accepted != settled {
			wrong("accepted %d %s, but %d are accounted for", accepted, unit, settled)
		}
		for i, name := range []string{"delivered", "failed"} {
			if n := get(name); n != there[i] {
				wrong("%s %d %s, but %d are in the bucket", name, n, unit, there[i])
			}
		}
		for _, name := range []string{"dropped", "lost", "buffered"} {
			if n := get(name); n != 0 {
				wrong("%s: %d %s, want 0", name, n, unit)
			}
		}
	}
	if gap := m.Stream("hydrant_ledger_gap_records", stream); gap != 0 {
		wrong("the ledger has a gap of %v records", gap)
	}
	return found
}

// ledger returns a line of the program's account of a stream: "accepted",
// "delivered", ... in "records" or "bytes".
func ledger(m hydrant.Metrics, stream, line, unit string) uint64 {
	name := "hydrant_ledger_" + line + "_" + unit
	if line != "buffered" {
		name += "_total"
	}
	return uint64(m.Stream(name, stream))
}

// Leftovers looks for what should have been cleaned away: objects under
// second names, error output, unfinished uploads, spooled batches, delivered
// segments.
func (b *Bed) Leftovers() []oracle.Violation {
	b.t.Helper()
	var found []oracle.Violation
	left := func(what string, args ...any) {
		found = append(found, oracle.Violation{Kind: oracle.Leftover, Detail: fmt.Sprintf(what, args...)})
	}
	for _, key := range b.Keys("") {
		if b.unexpected(key) || strings.Contains(key, ".conflict-") {
			left("object %s", key)
		}
	}
	// MinIO lists uploads only by their exact key, but keeps each in a folder.
	for _, dir := range glob(b.t, filepath.Join(b.Store.Dir, "data", ".minio.sys", "multipart", "*", "*")) {
		left("unfinished upload %s", dir)
	}
	segments := map[string]int{}
	err := filepath.WalkDir(b.DataDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(b.DataDir(), path)
		switch {
		case strings.Contains(rel, "quarantine"+string(filepath.Separator)), strings.Contains(rel, "spool"+string(filepath.Separator)):
			left("file %s", rel)
		case strings.HasSuffix(rel, ".seg"):
			segments[filepath.Dir(rel)]++
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("look into the data directory: %v", err)
	}
	for dir, n := range segments {
		if n > 3 { // one is written, one is prepared, one was just delivered
			left("%d segments in %s", n, dir)
		}
	}
	return found
}

// unexpected reports whether an object is error output of a stream that should
// have none.
func (b *Bed) unexpected(key string) bool {
	rest, failed := strings.CutPrefix(key, "failed/")
	return failed && !slices.ContainsFunc(b.Streams, func(s Stream) bool {
		return s.Convert != "" && strings.HasPrefix(rest, s.Name+"/")
	})
}

func glob(t interface{ Fatal(...any) }, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
