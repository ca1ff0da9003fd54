package buffer

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// ExportDir gives w every record of a stream that is not settled, or, with
// all, every record that is still on disk; shard after shard, in order. Those
// of the streams it follows are among them.
// Damaged records are left out; CheckDir reports them. It changes nothing and
// needs no lock. Data is valid until w returns; an error of w ends the export.
func ExportDir(fsys vfs.FS, stream string, all bool, w func(Record) error) error {
	var r Report
	d, found, err := inspectDir(fsys, &r)
	if err != nil {
		return fmt.Errorf("export %s: %w", stream, err)
	}
	known := false
	for _, m := range found {
		known = known || m.Name == stream
		l, shards, err := d.inspectLog(m)
		if err != nil {
			return fmt.Errorf("export %s: %w", stream, err)
		}
		for n := range shards {
			if err := exportShard(l, n, stream, all, w); err != nil {
				return fmt.Errorf("export %s, shard %d of %s: %w", stream, n, m.Name, err)
			}
		}
	}
	if !known {
		return fmt.Errorf("export %s: there is no such stream in the data directory", stream)
	}
	return nil
}

// exportShard exports what a stream reads from a shard: its own or one that it
// follows.
func exportShard(l *Log, n int, stream string, all bool, w func(Record) error) error {
	if l.stream != stream && !slices.ContainsFunc(l.followers, func(f *following) bool { return f.stream == stream }) {
		return nil
	}
	s, v, err := inspectShard(l, n, func(Damage) {})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.cursors, func(k *cursor) bool { return k.stream == stream })
	if at < 0 {
		return nil
	}
	after, end := s.cursors[at].state.Settled.Seq, s.cursors[at].upto().Records
	if all {
		after = 0
	}
	for _, f := range v.kept {
		if f.seg.last.Records <= after {
			continue
		}
		err := s.export(f.seg, after, end, w)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *shard) export(g *seg, after, end uint64, w func(Record) error) error {
	file, err := s.log.dir.fs.Open(g.path)
	if err != nil {
		return err
	}
	defer file.Close() // nothing was written
	walk := walker{sc: segment.NewScanner(file, g.id, segment.HeaderSize, g.end), verify: true, next: g.first()}
	for {
		f, off, err := walk.frame()
		if err != nil {
			return ignoreEnd(err)
		}
		walk.pass(f, off)
		if f.Type != segment.Data {
			continue
		}
		payload, err := walk.sc.Payload(&f, off)
		if err != nil {
			return err // it was good a moment ago
		}
		for i := range int(f.Count) {
			from, to, err := segment.Record(payload, f.Count, i)
			if err != nil {
				return err
			}
			pos := Position{Epoch: g.id, Seq: f.Seq + uint64(i)}
			if pos.Seq <= after || pos.Seq > end {
				continue
			}
			if err := w(Record{Pos: pos, Arrival: time.UnixMilli(f.Arrival).UTC(), Data: payload[from:to]}); err != nil {
				return err
			}
		}
	}
}
