package compress

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Level is the effort of GZIP and ZIP. Measured on click events, per CPU
// second and against compress/gzip level 1: twice as fast, and smaller.
const Level = 2

// window is how far back ZSTD looks. A larger one gains little on records,
// which resemble their neighbours, and costs memory for each open object.
const window = 512 << 10

// Pool makes writers of one container and keeps their memory for the next
// object. It may be used concurrently.
type Pool struct {
	format Format
	free   sync.Pool // of compressor
}

// NewPool returns a pool for a container.
func NewPool(f Format) *Pool { return &Pool{format: f} }

// compressor is what all writers of klauspost/compress and ours can do.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// Writer returns a writer that compresses into w. Close finishes the
// container and leaves w open; it must be called, and only once. The bytes
// depend on what is written, not on how it is divided between calls. entry
// names the file inside a ZIP; the other containers ignore it.
func (p *Pool) Writer(w io.Writer, entry string) (io.WriteCloser, error) {
	if p.format == Uncompressed {
		return nopCloser{w}, nil
	}
	c, err := p.take()
	if err != nil {
		return nil, err
	}
	if p.format == ZIP {
		return newZip(p, c, w, entry)
	}
	c.Reset(w)
	if z, ok := c.(*gzip.Writer); ok {
		z.ModTime = time.Unix(0, 0) // "no time" in the format, and not in time.Time
	}
	return &writer{pool: p, c: c}, nil
}

func (p *Pool) take() (compressor, error) {
	if c, ok := p.free.Get().(compressor); ok {
		return c, nil
	}
	switch p.format {
	case GZIP:
		return gzip.NewWriterLevel(nil, Level)
	case ZIP:
		return flate.NewWriter(nil, Level)
	case Snappy:
		return newBlocks(xerialHeader, false), nil
	case HadoopSnappy:
		return newBlocks("", true), nil
	case ZSTD:
		return newZstd()
	}
	return nil, fmt.Errorf("open compressor: unknown format %q", p.format)
}

// put takes back a compressor; it holds nothing of its last object.
func (p *Pool) put(c compressor) {
	c.Reset(nil)
	p.free.Put(c)
}

func newZstd() (compressor, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithAllLitEntropyCompression(true),
		zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderConcurrency(1), // no goroutines, and the same bytes on every machine
		zstd.WithZeroFrames(true))
	if err != nil {
		return nil, fmt.Errorf("open compressor: %w", err)
	}
	return e, nil
}

var errClosed = errors.New("write to compressor: it is closed")

// writer gives its compressor back when it is closed.
type writer struct {
	pool *Pool
	c    compressor
}

func (w *writer) Write(p []byte) (int, error) {
	if w.c == nil {
		return 0, errClosed
	}
	return w.c.Write(p)
}

func (w *writer) Close() error {
	if w.c == nil {
		return errClosed
	}
	err := w.c.Close()
	w.pool.put(w.c)
	w.c = nil
	return err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// zipWriter is an archive of one entry. It has no modification time: the same
// records must give the same bytes.
type zipWriter struct {
	archive *zip.Writer
	entry   io.Writer
}

func newZip(p *Pool, c compressor, w io.Writer, entry string) (io.WriteCloser, error) {
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		c.Reset(out)
		return &writer{pool: p, c: c}, nil
	})
	e, err := archive.CreateHeader(&zip.FileHeader{Name: entry, Method: zip.Deflate})
	if err != nil {
		return nil, fmt.Errorf("open zip entry: %w", err)
	}
	return &zipWriter{archive, e}, nil
}

func (z *zipWriter) Write(p []byte) (int, error) { return z.entry.Write(p) }
func (z *zipWriter) Close() error                { return z.archive.Close() }
