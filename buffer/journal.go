package buffer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/segment"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// checkpoint is the whole state of a cursor. Every entry of its journal holds
// all of it, so the newest valid one is enough.
type checkpoint struct {
	Generation uint64   `json:"generation"` // counts entries, over all journals of the cursor
	Owner      uint64   `json:"owner"`      // counts starts
	Settled    Position `json:"settled"`    // the last record of the last plan done
	Outcome    Outcome  `json:"outcome"`    // of all plans done
	Lost       Count    `json:"lost"`       // all that was ever lost
	Losses     []loss   `json:"losses"`     // those beyond Settled, by sequence
	Plans      []Plan   `json:"plans"`      // made and not done, oldest first
	High       high     `json:"high"`

	// Of a cursor that follows another stream's log:
	Skipped Count  `json:"skipped,omitzero"` // up to Settled, and never its business
	End     *Count `json:"end,omitempty"`    // accepted up to where it leaves the log; nil: it stays

	released Count // what the change takes out of cursor.buffered
}

// loss is a run of records that cannot be read any more.
type loss struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Bytes uint64 `json:"bytes"`
	Late  bool   `json:"late,omitempty"` // found after a plan had counted it
}

func (l loss) records() uint64 { return l.Last - l.First + 1 }

// high is how much of the log was durable when the entry was written.
type high struct {
	Segment  uint64 `json:"segment"`
	End      int64  `json:"end"`
	Accepted Count  `json:"accepted"`
}

func (c *checkpoint) clone() checkpoint {
	d := *c
	d.Losses, d.Plans = slices.Clone(c.Losses), slices.Clone(c.Plans)
	return d
}

// through returns the last sequence up to which nothing is left to deliver.
func (c *checkpoint) through() uint64 { return c.pastLosses(c.Settled.Seq) }

// next returns the sequence the next plan starts at.
func (c *checkpoint) next() uint64 { return c.pastLosses(c.planned()) + 1 }

// pastLosses returns seq, or the end of the losses that follow it directly.
func (c *checkpoint) pastLosses(seq uint64) uint64 {
	for _, l := range c.Losses {
		if l.First == seq+1 {
			seq = l.Last
		}
	}
	return seq
}

// settledCount returns what was accepted up to Settled, added up from where it
// went.
func (c *checkpoint) settledCount() Count {
	o := &c.Outcome
	bytes := o.Delivered.Bytes + o.Failed.Bytes + o.Dropped.Bytes + c.Lost.Bytes + c.Skipped.Bytes
	for _, l := range c.Losses {
		bytes -= min(l.Bytes, bytes)
	}
	return Count{c.Settled.Seq, bytes}
}

// bytesBefore returns the bytes of all records before seq, if seq is where the
// account can tell: behind what is settled, planned or lost.
func (c *checkpoint) bytesBefore(seq uint64) (bytes uint64, known bool) {
	n := c.settledCount()
	for _, p := range c.Plans {
		if p.Last.Seq < seq {
			n = n.Add(p.Count)
		}
	}
	for _, l := range c.Losses {
		if l.Last < seq && !l.Late {
			n = n.Add(Count{l.records(), l.Bytes})
		}
	}
	return n.Bytes, n.Records == seq-1
}

// planned returns the last sequence that is in a plan or settled.
func (c *checkpoint) planned() uint64 {
	if n := len(c.Plans); n > 0 {
		return c.Plans[n-1].Last.Seq
	}
	return c.Settled.Seq
}

// journal is the file behind commit. Who holds the turn uses it.
type journal struct {
	turn   chan struct{}
	fs     vfs.FS
	space  *space
	path   string
	header segment.Header
	limit  int64 // size at which the file is replaced

	file vfs.File // nil: a new file is due
	id   uint64
	off  int64

	stopped bool
}

func newJournal(d *Dir, name string, h segment.Header) *journal {
	return &journal{turn: make(chan struct{}, 1), fs: d.fs, space: &d.space, path: name, header: h, limit: d.o.JournalSize}
}

// write makes an entry durable. After a failure it is not known whether the
// entry is on disk; the next write starts a new file.
func (j *journal) write(c checkpoint) error {
	if j.file != nil && j.off < j.limit {
		if j.append(c) == nil {
			return nil
		}
	}
	return j.space.must(func() error { return j.roll(c) })
}

func (j *journal) append(c checkpoint) error {
	frame, err := encodeCheckpoint(c, j.id, j.off)
	if err != nil {
		return err
	}
	n, err := j.file.WriteAt(frame, j.off)
	if err == nil && n < len(frame) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return errors.Join(err, j.close())
	}
	j.off += int64(n)
	return nil
}

// roll replaces the file by one that holds only c.
func (j *journal) roll(c checkpoint) error {
	h := j.header
	h.ID, h.Created = randomFileID(), time.Now().UnixMilli()
	frame, err := encodeCheckpoint(c, h.ID, segment.HeaderSize)
	if err != nil {
		return err
	}
	text := append(h.Encode(), frame...)
	if err := errors.Join(j.close(), replaceFile(j.fs, j.path, text)); err != nil {
		return err
	}
	file, err := j.fs.OpenWrite(j.path)
	if err != nil {
		return err
	}
	j.file, j.id, j.off = file, h.ID, int64(len(text))
	return nil
}

// save makes durable what was read at the start: it may be in the page cache
// only.
func (j *journal) save() error {
	file, err := j.fs.OpenWrite(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := file.Size()
	if err == nil {
		err = rewrite(file, 0, size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("save %s: %w", j.path, err)
	}
	return syncDir(j.fs, path.Dir(j.path))
}

// stop waits for the entry under way and takes no others.
func (j *journal) stop() error {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	j.stopped = true
	return j.close()
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	f := j.file
	j.file = nil
	return f.Close()
}

func encodeCheckpoint(c checkpoint, id uint64, off int64) ([]byte, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint: %w", err)
	}
	if len(payload) > segment.MaxPayload {
		return nil, fmt.Errorf("encode checkpoint: %d bytes, at most %d", len(payload), segment.MaxPayload)
	}
	return segment.Append(nil, id, segment.Frame{Type: segment.State, Seq: c.Generation, Watermark: off}, payload), nil
}

// readJournal returns the newest valid entry. It returns fs.ErrNotExist when
// there is no file, and reports bytes that are not what was written; a torn
// last entry is not damage.
func readJournal(fsys vfs.FS, name string, h segment.Header, report func(Damage)) (checkpoint, error) {
	var newest checkpoint
	f, err := fsys.Open(name)
	if err != nil {
		return newest, err
	}
	defer f.Close() // nothing was written
	size, err := f.Size()
	if err != nil {
		return newest, fmt.Errorf("read %s: %w", name, err)
	}
	if size < segment.HeaderSize {
		return newest, fmt.Errorf("read %s: %w", name, errNoCheckpoint)
	}
	ids, err := journalIDs(f, name, h, report)
	if err != nil {
		return newest, err
	}
	for _, id := range ids {
		c, ok, err := scanJournal(segment.NewScanner(f, id, segment.HeaderSize, size), name, report)
		if err != nil {
			return newest, fmt.Errorf("read %s: %w", name, err)
		}
		if ok {
			return c, nil
		}
	}
	return newest, fmt.Errorf("read %s: %w", name, errNoCheckpoint)
}

var errNoCheckpoint = errors.New("it holds no valid checkpoint")

// journalIDs returns the ids the frames may be written under.
func journalIDs(f vfs.File, name string, want segment.Header, report func(Damage)) ([]uint64, error) {
	block, err := segment.ReadHeader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	h, err := segment.ParseHeader(block)
	switch {
	case errors.Is(err, segment.ErrVersion):
		return nil, fmt.Errorf("read %s: %w", name, err)
	case err != nil:
		report(Damage{File: name, Length: segment.HeaderSize, Reason: err.Error()})
		return segment.PossibleIDs(block), nil
	case h.Kind != want.Kind || h.Incarnation != want.Incarnation || h.Stream != want.Stream || h.Shard != want.Shard:
		report(Damage{File: name, Reason: "it belongs to another stream or shard"})
		return nil, nil
	}
	return []uint64{h.ID}, nil
}

func scanJournal(sc *segment.Scanner, name string, report func(Damage)) (newest checkpoint, ok bool, err error) {
	bad := int64(-1)
	for {
		f, off, err := sc.Next()
		var payload []byte
		if err == nil {
			payload, err = sc.Payload(&f, off)
		}
		var broken *segment.BadFrame
		switch {
		case errors.Is(err, io.EOF):
			return newest, ok, nil
		case errors.As(err, &broken):
			if bad < 0 {
				bad = broken.Offset
			}
			sc.Skip(broken.Offset)
			more, err := sc.Resync()
			if err != nil || !more {
				return newest, ok, err
			}
			continue
		case err != nil:
			return newest, ok, err
		}
		if bad >= 0 {
			report(Damage{File: name, Offset: bad, Length: off - bad, Reason: "damaged checkpoints before a good one"})
			bad = -1
		}
		var c checkpoint
		if f.Type != segment.State || json.Unmarshal(payload, &c) != nil {
			report(Damage{File: name, Offset: off, Length: f.Size(), Reason: "not a checkpoint"})
			continue
		}
		if c.Generation >= newest.Generation {
			newest, ok = c, true
		}
	}
}
