package stream

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/sinks"
)

// spool keeps the finished and half-finished outputs of one worker's batches:
// a directory for each batch, holding the outputs and, once they are durable,
// a manifest. Nothing is sent before its manifest is durable, so a batch is
// sent again after a crash exactly as it was, whatever the configuration says
// by then and whatever a transform would answer today.
type spool struct {
	fs   vfs.FS
	dir  string
	feed string // ID of the worker's feed
	next int    // number of the next batch directory
}

// manifest is what will be sent for a plan. Its file is the JSON, a line feed
// and the CRC-32C of what is before, in 8 hex digits.
type manifest struct {
	Plan     buffer.Plan     `json:"plan"`
	Payloads []sinks.Payload `json:"payloads"`
	Outcome  buffer.Outcome  `json:"outcome"`
	// Snapshot is the stream's configuration the payloads were made with.
	Snapshot []byte `json:"snapshot,omitempty"`
	// Rejected tells that the destination has had its turn, and that Payloads
	// are now what it would not take, on the way to the error output.
	Rejected bool `json:"rejected,omitempty"`
}

const (
	manifestName = "manifest"
	rejectedName = "rejected" // a manifest too; it replaces the first
)

// openSpool opens dir, making it when it is missing, for the batches of a feed.
func openSpool(fsys vfs.FS, dir, feed string) (*spool, error) {
	if err := fsys.Mkdir(dir); err == nil {
		err = fsys.SyncDir(path.Dir(dir))
		if err != nil {
			return nil, fmt.Errorf("sync spool: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create spool: %w", err)
	}
	return &spool{fs: fsys, dir: dir, feed: feed}, nil
}

// recover returns the spooled batches of the given plans, by the plan's ID,
// and removes everything else: leftovers of batches that were not planned or
// are done.
func (s *spool) recover(plans []buffer.Plan) (map[buffer.ID]*spoolDir, error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	wanted := map[buffer.ID]bool{}
	for _, p := range plans {
		wanted[p.ID()] = true
	}
	kept := map[buffer.ID]*spoolDir{}
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil && n >= s.next {
			s.next = n + 1
		}
		d := &spoolDir{fs: s.fs, path: path.Join(s.dir, name), feed: s.feed}
		if m, err := d.readManifest(); err == nil && wanted[m.Plan.ID()] {
			d.manifest = m
			if err := d.removeTorn(); err != nil {
				return nil, err
			}
			if d.files, err = d.count(); err != nil {
				return nil, err
			}
			kept[m.Plan.ID()] = d
			continue
		}
		if err := d.remove(); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// removeTorn removes the second manifest if a crash or a full disk left it
// unfinished: it is to be written again, and files are only created.
func (d *spoolDir) removeTorn() error {
	if d.manifest.Rejected {
		return nil
	}
	if err := d.fs.Remove(path.Join(d.path, rejectedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove spool: %w", err)
	}
	return nil
}

// create makes the directory of a new batch.
func (s *spool) create() (*spoolDir, error) {
	d := &spoolDir{fs: s.fs, path: path.Join(s.dir, strconv.Itoa(s.next)), feed: s.feed}
	if err := s.fs.Mkdir(d.path); err != nil {
		return nil, fmt.Errorf("create spool: %w", err)
	}
	s.next++
	return d, nil
}

// spoolDir holds the outputs of one batch. It implements sinks.FeedSpool.
type spoolDir struct {
	fs       vfs.FS
	path     string
	feed     string
	files    int
	open     []*spoolFile
	manifest *manifest // nil until it is durable
}

// Feed returns the ID of the feed that the batch is of.
func (d *spoolDir) Feed() string { return d.feed }

// Create opens the next output.
func (d *spoolDir) Create() (sinks.SpoolFile, error) {
	name := strconv.Itoa(d.files)
	f, err := d.fs.Create(path.Join(d.path, name))
	if err != nil {
		return nil, fmt.Errorf("create spool file: %w", err)
	}
	d.files++
	out := &spoolFile{file: f, name: name, sum: sha256.New()}
	out.buf = bufio.NewWriterSize(appender{out}, 64<<10)
	d.open = append(d.open, out)
	return out, nil
}

// seal makes the payloads durable: their bytes are synced already, by
// SpoolFile.Finish; the manifest and the directory entries follow.
func (d *spoolDir) seal(m *manifest) error {
	name := manifestName
	if m.Rejected {
		name = rejectedName
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	text = fmt.Appendf(text, "\n%08x", crc32.Checksum(text, castagnoli))
	f, err := d.fs.Create(path.Join(d.path, name))
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	for _, dir := range []string{d.path, path.Dir(d.path)} {
		if err := d.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("sync spool: %w", err)
		}
	}
	d.manifest = m
	return nil
}

// readManifest reads the newest valid manifest.
func (d *spoolDir) readManifest() (*manifest, error) {
	m, err := d.read(rejectedName)
	if err != nil {
		m, err = d.read(manifestName)
	}
	return m, err
}

func (d *spoolDir) read(name string) (*manifest, error) {
	f, err := d.fs.Open(path.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return decodeManifest(text)
}

func decodeManifest(text []byte) (*manifest, error) {
	n := len(text) - 9
	if n < 0 || text[n] != '\n' || string(text[n+1:]) != fmt.Sprintf("%08x", crc32.Checksum(text[:n], castagnoli)) {
		return nil, errors.New("read manifest: damaged")
	}
	m := new(manifest)
	if err := json.Unmarshal(text[:n], m); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}

// count returns a number behind every file name that is taken.
func (d *spoolDir) count() (int, error) {
	names, err := d.fs.List(d.path)
	if err != nil {
		return 0, fmt.Errorf("list spool: %w", err)
	}
	next := 0
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			next = max(next, n+1)
		}
	}
	return next, nil
}

// verify reports whether every output is as the manifest says.
func (d *spoolDir) verify() error {
	for i := range d.manifest.Payloads {
		want := d.manifest.Payloads[i].Content
		f, err := d.fs.Open(path.Join(d.path, want.File))
		if err != nil {
			return err
		}
		sum := sha256.New()
		n, err := io.Copy(sum, io.NewSectionReader(f, 0, 1<<62))
		f.Close()
		if err != nil {
			return err
		}
		if n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
			return fmt.Errorf("read spool file %s: content is damaged", want.File)
		}
	}
	return nil
}

// body opens the content of a payload.
func (d *spoolDir) body(p *sinks.Payload) (vfs.File, error) {
	return d.fs.Open(path.Join(d.path, p.File))
}

// abandon closes what a batch that comes to nothing left open, and removes it.
func (d *spoolDir) abandon() error {
	for _, f := range d.open {
		f.close()
	}
	return d.remove()
}

// remove deletes the directory. The manifests go first: without one, what is
// left after a crash is a leftover that recover clears away.
func (d *spoolDir) remove() error {
	names, err := d.fs.List(d.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("remove spool: %w", err)
	}
	slices.Reverse(names) // sorted, and letters come behind digits: manifests first
	for _, name := range names {
		if err := d.fs.Remove(path.Join(d.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove spool: %w", err)
		}
	}
	if err := d.fs.Remove(d.path); err != nil {
		return fmt.Errorf("remove spool: %w", err)
	}
	return nil
}

// spoolFile is one output while it is written.
type spoolFile struct {
	file vfs.File // nil once closed
	name string
	buf  *bufio.Writer
	sum  hash.Hash
	size int64
}

func (f *spoolFile) Write(p []byte) (int, error) { return f.buf.Write(p) }

// appender writes behind the buffer, and keeps size and checksum.
type appender struct{ f *spoolFile }

func (a appender) Write(p []byte) (int, error) {
	n, err := a.f.file.WriteAt(p, a.f.size)
	a.f.sum.Write(p[:n])
	a.f.size += int64(n)
	if err != nil {
		err = fmt.Errorf("write spool file: %w", err)
	}
	return n, err
}

func (f *spoolFile) Finish() (sinks.Content, error) {
	err := f.buf.Flush()
	if err == nil {
		err = f.file.Sync()
	}
	err = errors.Join(err, f.close())
	if err != nil {
		return sinks.Content{}, fmt.Errorf("finish spool file: %w", err)
	}
	return sinks.Content{File: f.name, Size: f.size, SHA256: hex.EncodeToString(f.sum.Sum(nil))}, nil
}

func (f *spoolFile) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
