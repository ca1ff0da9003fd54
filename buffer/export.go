package buffer

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// ExportDir gives w every record of a stream that is not settled, or, with
// all, every record that is still on disk; shard after shard, in order.
// Damaged records are left out; CheckDir reports them. It changes nothing and
// needs no lock. Data is valid until w returns; an error of w ends the export.
func ExportDir(fsys vfs.FS, stream string, all bool, w func(Record) error) error {
	var r Report
	d, found, err := inspectDir(fsys, &r)
	if err != nil {
		return fmt.Errorf("export %s: %w", stream, err)
	}
	for _, m := range found {
		if m.Name != stream {
			continue
		}
		l, shards, err := d.inspectLog(m)
		if err != nil {
			return fmt.Errorf("export %s: %w", stream, err)
		}
		for n := range shards {
			if err := exportShard(l, n, all, w); err != nil {
				return fmt.Errorf("export %s, shard %d: %w", stream, n, err)
			}
		}
		return nil
	}
	return fmt.Errorf("export %s: there is no such stream in the data directory", stream)
}

func exportShard(l *Log, n int, all bool, w func(Record) error) error {
	s, v, err := inspectShard(l, n, func(Damage) {})
	if err != nil {
		return err
	}
	after := s.state.Settled.Seq
	if all {
		after = 0
	}
	for _, f := range v.kept {
		if f.seg.last.Records <= after {
			continue
		}
		err := s.export(f.seg, after, w)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *shard) export(g *seg, after uint64, w func(Record) error) error {
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
			if pos.Seq <= after {
				continue
			}
			if err := w(Record{Pos: pos, Arrival: time.UnixMilli(f.Arrival).UTC(), Data: payload[from:to]}); err != nil {
				return err
			}
		}
	}
}
