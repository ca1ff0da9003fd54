package buffer

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// The names in a data directory:
//
//	LOCK                          held for the life of the process; names the owner
//	IDENTITY                      format version, incarnation, creation
//	BALLAST                       space to give up when the disk is full
//	streams/<id>/META             the stream's name
//	streams/<id>/schema.json      and the like: see Log.Decide
//	streams/<id>/spool/           the engine's
//	streams/<id>/quarantine/      damaged bytes, kept until the operator removes them
//	streams/<id>/shards/<nn>/journal
//	streams/<id>/shards/<nn>/log/<ordinal>-<file id>.seg
//	streams/<id>/follows/<id of another stream>/<nn>/journal
//	jobs/, tls/                   the program's: replays and backfills, certificates
const (
	lockName     = "LOCK"
	identityName = "IDENTITY"
	ballastName  = "BALLAST"
	streamsName  = "streams"
	metaName     = "META"
)

// DirOptions are the settings of a data directory.
type DirOptions struct {
	MaxSize     int64   // bytes over all streams; 0: no limit
	MinFree     float64 // share of the disk below which appends are refused, until 0.02 more is free; 0: 0.05, negative: no floor
	SegmentSize int64   // bytes; 0: 64 MiB
	JournalSize int64   // bytes at which a shard's journal is replaced; 0: 1 MiB
	Ballast     int64   // bytes; 0: none
	Events      Events
}

// Dir is an open data directory. Its methods may be called concurrently.
type Dir struct {
	fs          vfs.FS
	o           DirOptions
	incarnation [16]byte
	lock        vfs.File
	readOnly    bool // for CheckDir and ExportDir

	used  atomic.Int64 // bytes in segments, over all streams
	space space

	mu      sync.Mutex
	streams map[string]string // name to id, as found on disk
	logs    map[string]*Log
	closed  bool
}

type identity struct {
	Version     int
	Incarnation string
	Created     time.Time
}

type meta struct {
	Version     int
	Name        string
	ID          string
	Incarnation string // the directory's, so that a lost IDENTITY can be restored
}

// OpenDir opens a data directory, or makes one of an empty directory. Only one
// process can have it open.
func OpenDir(fsys vfs.FS, o DirOptions) (*Dir, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = 64 << 20
	}
	if o.JournalSize == 0 {
		o.JournalSize = 1 << 20
	}
	if o.MinFree == 0 {
		o.MinFree = 0.05
	}
	d := &Dir{fs: fsys, o: o, streams: map[string]string{}, logs: map[string]*Log{}}
	if err := d.takeLock(); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := d.load(); err != nil {
		return nil, fmt.Errorf("open data directory: %w", errors.Join(err, d.lock.Close()))
	}
	return d, nil
}

func (d *Dir) takeLock() error {
	lock, err := d.fs.Lock(lockName)
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("%w; stop that process or use another directory", err)
	}
	if err != nil {
		return err
	}
	d.lock = lock
	return nil
}

func (d *Dir) load() error {
	if err := makeDir(d.fs, streamsName); err != nil {
		return err
	}
	found, err := d.findStreams()
	if err != nil {
		return err
	}
	if err := d.identify(found); err != nil {
		return err
	}
	if err := d.reportForeign(); err != nil {
		return err
	}
	d.space.init(d.fs, d.o)
	return d.space.fillBallast()
}

// findStreams reads every META. A stream without one never acknowledged
// anything, or is damaged; it is left alone.
func (d *Dir) findStreams() ([]meta, error) {
	ids, err := d.fs.List(streamsName)
	if err != nil {
		return nil, err
	}
	var found []meta
	for _, id := range ids {
		where := path.Join(streamsName, id)
		info, err := d.fs.Stat(where)
		if err != nil {
			return nil, err
		}
		if _, err := decodeID(id); err != nil || !info.IsDir() {
			d.o.Events.foreign(where)
			continue
		}
		var m meta
		file := path.Join(where, metaName)
		damaged, err := readDocument(d.fs, file, &m, func() error {
			if m.ID != id {
				return fmt.Errorf("it belongs to %q", m.ID)
			}
			return nil
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if _, err := d.fs.Stat(path.Join(where, "shards")); err == nil {
				d.o.Events.damaged("", Damage{File: where, Reason: "the stream's META is missing, its name is not known; restore META or remove the directory"})
			}
			continue
		case isUnreadable(err):
			// Going on would make a second stream of that name.
			return nil, fmt.Errorf("%w; check the disk of the data directory", err)
		case err != nil:
			d.o.Events.damaged("", Damage{File: file, Reason: err.Error() + "; restore it from META.copy of a backup or remove the stream's directory"})
			continue
		}
		if damaged != nil {
			d.reportCopy(m.Name, file, damaged)
			if err := d.repair(file, m); err != nil {
				return nil, err
			}
		}
		if other, taken := d.streams[m.Name]; taken {
			d.o.Events.damaged(m.Name, Damage{File: file, Reason: "stream " + other + " has the same name; this one is not used"})
			continue
		}
		d.streams[m.Name] = id
		found = append(found, m)
	}
	return found, nil
}

// isUnreadable reports whether err is about the disk and not about what is on
// it.
func isUnreadable(err error) bool {
	var broken *fs.PathError
	return errors.As(err, &broken) && !errors.Is(err, fs.ErrNotExist)
}

// identify reads IDENTITY, restores it from the streams or makes a new one.
func (d *Dir) identify(found []meta) error {
	var id identity
	damaged, err := readDocument(d.fs, identityName, &id, func() error {
		_, err := decodeID(id.Incarnation)
		return err
	})
	missing := errors.Is(err, fs.ErrNotExist)
	write := damaged != nil || err != nil
	switch {
	case err == nil && damaged == nil:
	case err == nil:
		d.reportCopy("", identityName, damaged)
	case len(found) > 0:
		d.o.Events.damaged("", Damage{File: identityName, Reason: err.Error() + "; restored from " + metaName + " of a stream"})
		id = identity{Version: documentVersion, Incarnation: found[0].Incarnation, Created: time.Now().UTC()}
	case missing && d.readOnly:
		return fmt.Errorf("%w; this is not a data directory", err)
	case missing:
		id = identity{Version: documentVersion, Incarnation: hex.EncodeToString(randomID()), Created: time.Now().UTC()}
	default:
		return fmt.Errorf("%w; restore %s from a backup, or remove it if the directory was never used", err, identityName)
	}
	if d.incarnation, err = decodeID(id.Incarnation); err != nil {
		return fmt.Errorf("read %s: incarnation: %w", identityName, err)
	}
	if write {
		return d.repair(identityName, id)
	}
	return nil
}

// repair writes a document again.
func (d *Dir) repair(name string, v any) error {
	if d.readOnly {
		return nil
	}
	return writeDocument(d.fs, name, v)
}

// reportCopy reports a damaged copy of a document; one that is missing may
// just not have been written before a crash.
func (d *Dir) reportCopy(stream, file string, damaged error) {
	if !errors.Is(damaged, fs.ErrNotExist) {
		d.o.Events.damaged(stream, Damage{File: file, Reason: damaged.Error() + "; the other copy is good"})
	}
}

func (d *Dir) reportForeign() error {
	names, err := d.fs.List(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		switch name {
		case lockName, identityName, identityName + copySuffix, identityName + ".new", identityName + copySuffix + ".new",
			ballastName, streamsName, "jobs", "tls", "lost+found":
		default:
			d.o.Events.foreign(name)
		}
	}
	return nil
}

// Incarnation returns the identity of the directory, 32 hex digits: random,
// made once.
func (d *Dir) Incarnation() string { return hex.EncodeToString(d.incarnation[:]) }

// Streams returns the names of the streams found on disk, sorted.
func (d *Dir) Streams() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	return slices.Sorted(maps.Keys(d.streams)), nil
}

// OpenLog opens the log of a stream, or makes one. It recovers what a crash
// left behind and returns when everything it will deliver is durable.
func (d *Dir) OpenLog(stream string, o LogOptions) (*Log, error) {
	d.mu.Lock()
	defer d.mu.Unlock() // opening is rare; two at a time would gain nothing
	if d.closed {
		return nil, fmt.Errorf("open log %s: %w", stream, ErrClosed)
	}
	if _, open := d.logs[stream]; open {
		return nil, fmt.Errorf("open log %s: it is open already", stream)
	}
	id, ok := d.streams[stream]
	if !ok {
		id = hex.EncodeToString(randomID())
		where := path.Join(streamsName, id)
		err := makeDir(d.fs, where)
		if err == nil {
			m := meta{Version: documentVersion, Name: stream, ID: id, Incarnation: d.Incarnation()}
			err = writeDocument(d.fs, path.Join(where, metaName), m)
		}
		if err != nil {
			return nil, fmt.Errorf("open log %s: %w", stream, err)
		}
		d.streams[stream] = id
	}
	l, err := openLog(d, stream, id, o)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", stream, err)
	}
	d.logs[stream] = l
	return l, nil
}

func (d *Dir) forget(l *Log) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.logs, l.stream)
}

// Health returns nil when every log takes appends, or why one does not.
func (d *Dir) Health() error {
	if err := d.space.check(time.Now()); err != nil {
		return err
	}
	for _, l := range d.open() {
		if err := l.Health(); err != nil {
			return fmt.Errorf("stream %s: %w", l.stream, err)
		}
	}
	return nil
}

func (d *Dir) open() []*Log {
	d.mu.Lock()
	defer d.mu.Unlock()
	logs := make([]*Log, 0, len(d.logs))
	for _, name := range slices.Sorted(maps.Keys(d.logs)) {
		logs = append(logs, d.logs[name])
	}
	return logs
}

// Close closes the logs that are still open and gives up the directory.
func (d *Dir) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	var errs []error
	for _, l := range d.open() {
		errs = append(errs, l.Close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

func randomID() []byte {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return b
}

// randomFileID returns the id of a new file, which is never zero.
func randomFileID() uint64 {
	for {
		if id := binary.LittleEndian.Uint64(randomID()); id != 0 {
			return id
		}
	}
}

func decodeID(s string) (id [16]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is not 32 hex digits", s)
	}
	return [16]byte(b), nil
}
