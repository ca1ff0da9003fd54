package inspect

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/internal/container"
)

// Object is what to look at.
type Object struct {
	Name string
	io.ReaderAt
	Size int64
}

// Inspect looks at an object and takes the first rows of it. An error says
// what the object looks like and what to do.
func Inspect(o Object, rows int) (r *Report, err error) {
	defer func() {
		// Readers of formats are made for files that are right. The damaged
		// ones are those that people look at.
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("inspect %s: it is damaged: %v", o.Name, p)
		}
	}()
	if o.Size == 0 {
		return nil, fmt.Errorf("inspect %s: it is empty, 0 bytes; a writer that failed leaves such files", o.Name)
	}
	head := make([]byte, min(o.Size, container.HeadSize))
	if _, err := o.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", o.Name, err)
	}
	r = &Report{Name: o.Name, Size: o.Size}
	switch kind := container.Detect(head); kind {
	case container.Parquet:
		err = r.parquet(o, rows)
	case container.ORC:
		err = r.orc(o, rows)
	case container.Arrow:
		err = r.arrowFile(o, rows)
	case container.ArrowStream:
		err = r.arrowStream(o, rows)
	case container.Zip:
		err = r.zip(o, rows)
	case container.Avro:
		err = errors.New("it is an Avro file, which hydrant does not read; try avro-tools tojson")
	case container.Plain:
		err = r.text(o, rows)
	default:
		err = r.compressed(o, kind, rows)
	}
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", o.Name, err)
	}
	return r, nil
}

// sampleSize is how much of records is looked at.
const sampleSize = 1 << 20

func (r *Report) text(o Object, rows int) error {
	sample := make([]byte, min(o.Size, sampleSize))
	n, err := o.ReadAt(sample, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read object: %w", err)
	}
	if err := plausible(sample[:n]); err != nil {
		return err
	}
	r.records(sample[:n], int64(n) == o.Size, rows)
	if int64(n) < o.Size {
		r.add("looked at", fmt.Sprintf("the first %s", size(int64(n))))
	}
	return nil
}

// compressed looks at the beginning of what is compressed.
func (r *Report) compressed(o Object, kind container.Kind, rows int) error {
	r.Kind = kindNames[kind]
	in, err := container.NewReader(io.NewSectionReader(o, 0, o.Size), kind)
	if err != nil {
		return fmt.Errorf("it begins as %s but is damaged: %w", r.Kind, err)
	}
	r.Content, err = inside(r.Kind, r.Name, in, rows)
	return err
}

// inside looks at the beginning of what a container of a kind holds.
func inside(kind, name string, in io.ReadCloser, rows int) (*Report, error) {
	defer in.Close() // nothing was written
	sample := make([]byte, sampleSize+1)
	n, err := io.ReadFull(in, sample)
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n < len(sample)
	if err != nil && !whole {
		return nil, fmt.Errorf("it is %s but damaged: %w", kind, err)
	}
	if whole { // ReadFull's end and that of a truncated stream look alike
		if _, err := in.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("it is %s but cut off after %s: %w", kind, size(int64(n)), err)
		}
	}
	n = min(n, sampleSize)
	c := &Report{Name: name, Size: int64(n)}
	if n == 0 {
		c.Kind = "nothing"
		return c, nil
	}
	if kind := container.Detect(sample[:n]); kind != container.Plain {
		c.Kind = kindNames[kind]
		c.add("hint", "unpack it and inspect what comes out")
		return c, nil
	}
	if err := plausible(sample[:n]); err != nil {
		return nil, fmt.Errorf("it is %s, and inside %w", kind, err)
	}
	c.records(sample[:n], whole, rows)
	if !whole {
		c.add("looked at", fmt.Sprintf("the first %s", size(int64(n))))
	}
	return c, nil
}

var kindNames = map[container.Kind]string{
	container.Gzip:         "gzip",
	container.Zstd:         "zstd",
	container.Snappy:       "Snappy (framed)",
	container.SnappyJava:   "Snappy (snappy-java; Firehose's Snappy)",
	container.HadoopSnappy: "Snappy (Hadoop)",
	container.Bzip2:        "bzip2",
	container.Zip:          "ZIP archive",
	container.Parquet:      "Parquet file",
	container.ORC:          "ORC file",
	container.Arrow:        "Arrow IPC file",
	container.ArrowStream:  "Arrow IPC stream",
	container.Avro:         "Avro file",
}

// plausible returns an error for bytes that are no text.
func plausible(sample []byte) error {
	if len(sample) >= 2 && (string(sample[:2]) == "\xff\xfe" || string(sample[:2]) == "\xfe\xff") {
		return errors.New("it is UTF-16 text; make it UTF-8 first: iconv -f UTF-16 -t UTF-8")
	}
	bad := 0
	for rest := sample; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		if c == utf8.RuneError && n == 1 && len(rest) >= utf8.UTFMax || c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' {
			bad++
		}
		rest = rest[n:]
	}
	if bad*100 > len(sample)*5 || bad > 0 && len(sample) < 20 {
		return fmt.Errorf("it is none of the kinds hydrant knows: it begins with the bytes % x, which are no text; "+
			"if it is encrypted or packed in another way, undo that first", sample[:min(len(sample), 16)])
	}
	return nil
}
