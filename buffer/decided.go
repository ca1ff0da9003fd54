package buffer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
)

// Decide returns what was decided for the stream under a name, such as
// schema.json. If nothing was, it calls decide and makes the result durable
// before it returns it: the same is returned from then on, after crashes too.
// One decision is taken at a time. The file is beside META; who removes it
// while hydrant is stopped lets the decision be taken again.
func (l *Log) Decide(name string, decide func() ([]byte, error)) ([]byte, error) {
	return l.Revise(name, func(decided []byte) ([]byte, error) {
		if decided != nil {
			return decided, nil
		}
		return decide()
	})
}

// Revise lets a decision be changed: revise gets what is decided under a name,
// nil if nothing is, and returns what is to be decided from then on. That is
// durable before Revise returns it; after a crash there is the one or the
// other, whole. One decision is taken at a time.
func (l *Log) Revise(name string, revise func(decided []byte) ([]byte, error)) ([]byte, error) {
	l.deciding.Lock()
	defer l.deciding.Unlock()
	file := path.Join(l.path, name)
	decided, err := readWhole(l.dir.fs, file)
	if err == nil {
		// The process that wrote it may have been killed before its name was
		// durable.
		if err := l.dir.fs.SyncDir(l.path); err != nil {
			return nil, fmt.Errorf("sync %s: %w", l.path, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err := revise(decided)
	if err != nil || decided != nil && bytes.Equal(text, decided) {
		return text, err
	}
	if err := replaceFile(l.dir.fs, file, text); err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	return text, nil
}

// Decided returns what Decide decided for a stream under a name, or
// fs.ErrNotExist. It takes no lock on the directory, so it can be called
// beside a running process.
func Decided(fsys vfs.FS, stream, name string) ([]byte, error) {
	d := &Dir{fs: fsys, streams: map[string]string{}, readOnly: true}
	if _, err := d.findStreams(); err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", stream, err)
	}
	id, ok := d.streams[stream]
	if !ok {
		return nil, fmt.Errorf("look for stream %s: %w", stream, fs.ErrNotExist)
	}
	return readWhole(fsys, path.Join(streamsName, id, name))
}

// maxDecision is far more than any decision takes: a larger file is not ours.
const maxDecision = 16 << 20

func readWhole(fsys vfs.FS, file string) (text []byte, err error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err == nil && size > maxDecision {
		err = fmt.Errorf("it has %d bytes, at most %d are expected", size, maxDecision)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	text = make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return text, nil
}
