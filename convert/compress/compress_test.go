package compress_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/converttest"
)

const entry = "01234567-89ab-cdef-0123-456789abcdef"

// pack compresses data in writes of at most step bytes.
func pack(t testing.TB, p *compress.Pool, data []byte, step int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := p.Writer(&out, entry)
	if err != nil {
		t.Fatal(err)
	}
	for rest := data; len(rest) > 0; {
		n := min(step, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unpack reads the containers with programs that are not ours, but for the
// two block streams, which are a few lines.
func unpack(f compress.Format, data []byte) ([]byte, error) {
	switch f {
	case compress.GZIP:
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if !r.ModTime.IsZero() || r.Name != "" {
			return nil, fmt.Errorf("gzip header has a time %v or a name %q", r.ModTime, r.Name)
		}
		r.Multistream(false)
		out, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		if err := r.Reset(bytes.NewReader(nil)); err != io.EOF {
			return nil, errors.New("gzip has more than one member")
		}
		return out, nil
	case compress.ZIP:
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, err
		}
		if len(r.File) != 1 || r.File[0].Name != entry || r.File[0].Method != zip.Deflate {
			return nil, fmt.Errorf("zip has %d entries", len(r.File))
		}
		e, err := r.File[0].Open()
		if err != nil {
			return nil, err
		}
		return io.ReadAll(e)
	case compress.Snappy:
		header, blocks, _ := bytes.Cut(data, []byte("\x00\x00\x00\x01\x00\x00\x00\x01"))
		if string(header) != "\x82SNAPPY\x00" {
			return nil, fmt.Errorf("xerial header is %x", header)
		}
		return readBlocks(blocks, false)
	case compress.HadoopSnappy:
		return readBlocks(data, true)
	case compress.ZSTD:
		r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderMaxWindow(1<<20))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return data, nil
}

func readBlocks(data []byte, hadoop bool) (out []byte, err error) {
	for len(data) > 0 {
		want := -1
		if hadoop {
			want, data = int(binary.BigEndian.Uint32(data)), data[4:]
		}
		n := binary.BigEndian.Uint32(data)
		block, err := snappy.Decode(nil, data[4:4+n])
		if err != nil {
			return nil, err
		}
		if len(block) > 32<<10 || want >= 0 && len(block) != want {
			return nil, fmt.Errorf("block of %d bytes, announced %d", len(block), want)
		}
		out, data = append(out, block...), data[4+n:]
	}
	return out, nil
}

func inputs() map[string][]byte {
	noise := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{}).Read(noise)
	return map[string][]byte{
		"nothing":      nil,
		"a byte":       {'x'},
		"one block":    bytes.Repeat([]byte("b"), 32<<10),
		"block plus 1": bytes.Repeat([]byte("c"), 32<<10+1),
		"noise":        noise,
		"clicks":       converttest.Clicks(5000).Data,
	}
}

func TestReadersGetTheBytesBack(t *testing.T) {
	for _, f := range compress.Formats() {
		p := compress.NewPool(f)
		for name, data := range inputs() {
			got, err := unpack(f, pack(t, p, data, len(data)+1))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s of %s: %d bytes became %d, %v", f, name, len(data), len(got), err)
			}
		}
	}
}

// TestBytesDoNotDependOnWrites also proves that a reused writer forgets what
// it wrote before.
func TestBytesDoNotDependOnWrites(t *testing.T) {
	for _, f := range compress.Formats() {
		p := compress.NewPool(f)
		for name, data := range inputs() {
			want := pack(t, compress.NewPool(f), data, len(data)+1)
			for _, step := range []int{1 + len(data)/997, 1000, 32 << 10, 64<<10 + 1} {
				if !bytes.Equal(pack(t, p, data, step), want) {
					t.Errorf("%s of %s in writes of %d bytes differs", f, name, step)
				}
			}
		}
	}
}

// TestSnappyGolden holds the two block streams to bytes written by hand from
// the descriptions of the formats.
func TestSnappyGolden(t *testing.T) {
	abc := "03" + "08" + "616263" // raw Snappy: length 3, a literal of 3 bytes
	for _, test := range []struct {
		format      compress.Format
		input, want string
	}{
		{compress.Snappy, "abc", "82534e4150505900" + "00000001" + "00000001" + "00000005" + abc},
		{compress.Snappy, "", "82534e4150505900" + "00000001" + "00000001"},
		{compress.HadoopSnappy, "abc", "00000003" + "00000005" + abc},
		{compress.HadoopSnappy, "", ""},
	} {
		if got := hex.EncodeToString(pack(t, compress.NewPool(test.format), []byte(test.input), 2)); got != test.want {
			t.Errorf("%s of %q = %s, want %s", test.format, test.input, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		in                  string
		want                compress.Format
		extension, encoding string
	}{
		{"uncompressed", compress.Uncompressed, "", ""},
		{"gzip", compress.GZIP, ".gz", "gzip"},
		{"Zip", compress.ZIP, ".zip", "zip"},
		{"SNAPPY", compress.Snappy, ".snappy", "snappy-java"},
		{"hadoop_snappy", compress.HadoopSnappy, ".snappy", "hadoop-snappy"},
		{"zstd", compress.ZSTD, ".zst", "zstd"},
	} {
		var f compress.Format
		if err := f.UnmarshalText([]byte(test.in)); err != nil || f != test.want {
			t.Errorf("UnmarshalText(%q) = %q, %v; want %q", test.in, f, err, test.want)
		}
		if f.Extension() != test.extension || f.ContentEncoding() != test.encoding {
			t.Errorf("%s: extension %q, encoding %q", f, f.Extension(), f.ContentEncoding())
		}
	}
	var f compress.Format
	if err := f.UnmarshalText([]byte("lz4")); err == nil || !strings.Contains(err.Error(), "HADOOP_SNAPPY") {
		t.Errorf("UnmarshalText(lz4) = %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestErrorsOfTheFileAreReturned(t *testing.T) {
	noise := inputs()["noise"]
	for _, f := range compress.Formats() {
		p := compress.NewPool(f)
		w, err := p.Writer(failing{}, entry)
		if err == nil {
			for range 20 { // compressors hold some back
				if _, err = w.Write(noise); err != nil {
					break
				}
			}
			err = errors.Join(err, w.Close())
		}
		if !errors.Is(err, errFull) {
			t.Errorf("%s: the error became %v", f, err)
		}
		if got, err := unpack(f, pack(t, p, noise, 1000)); err != nil || !bytes.Equal(got, noise) {
			t.Errorf("%s: the writer after a failed one: %v", f, err)
		}
	}
}

func TestPoolIsConcurrent(t *testing.T) {
	data := inputs()["clicks"]
	for _, f := range compress.Formats() {
		p := compress.NewPool(f)
		want := pack(t, p, data, 64<<10)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 3 {
					if !bytes.Equal(pack(t, p, data, 10<<10), want) {
						t.Errorf("%s: concurrent writers differ", f)
					}
				}
			})
		}
		group.Wait()
	}
}

func TestWriteAfterCloseFails(t *testing.T) {
	for _, f := range []compress.Format{compress.GZIP, compress.Snappy, compress.ZSTD} {
		w, err := compress.NewPool(f).Writer(io.Discard, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Errorf("%s: Write after Close succeeded", f)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%s: a second Close succeeded", f)
		}
	}
}

// BenchmarkWriter compares the containers with compress/gzip on click events;
// "ratio" is input to output.
func BenchmarkWriter(b *testing.B) {
	data := converttest.Clicks(25_000).Data
	bench := func(name string, open func(io.Writer) io.WriteCloser) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var size count
			before := cpu(b)
			for b.Loop() {
				size = 0
				w := open(&size)
				for rest := data; len(rest) > 0; {
					n := min(64<<10, len(rest))
					w.Write(rest[:n])
					rest = rest[n:]
				}
				w.Close()
			}
			b.ReportMetric(float64(len(data))*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
			b.ReportMetric(float64(len(data))/float64(size), "ratio")
		})
	}
	for _, level := range []int{1, 6} {
		bench(fmt.Sprint("stdlib-gzip-", level), func(w io.Writer) io.WriteCloser {
			z, err := gzip.NewWriterLevel(w, level)
			if err != nil {
				b.Fatal(err)
			}
			return z
		})
	}
	for _, f := range compress.Formats()[1:] {
		p := compress.NewPool(f)
		bench(string(f), func(w io.Writer) io.WriteCloser {
			z, err := p.Writer(w, entry)
			if err != nil {
				b.Fatal(err)
			}
			return z
		})
	}
}

// cpu is the processor time this process has used: unlike the clock, it does
// not count what others use.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type count int64

func (c *count) Write(p []byte) (int, error) { *c += count(len(p)); return len(p), nil }
