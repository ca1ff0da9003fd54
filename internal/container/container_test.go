package container_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/internal/container"
)

func pack(t testing.TB, f compress.Format, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := compress.NewPool(f).Writer(&out, "entry")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func framed(data []byte) []byte {
	var out bytes.Buffer
	w := snappy.NewBufferedWriter(&out)
	w.Write(data)
	w.Close()
	return out.Bytes()
}

var text = bytes.Repeat([]byte(`{"id":1,"name":"a name that repeats"}`+"\n"), 5000)

func TestWhatWeWriteIsRecognisedAndRead(t *testing.T) {
	for format, want := range map[compress.Format]container.Kind{
		compress.Uncompressed: container.Plain,
		compress.GZIP:         container.Gzip,
		compress.Snappy:       container.SnappyJava,
		compress.HadoopSnappy: container.HadoopSnappy,
		compress.ZSTD:         container.Zstd,
	} {
		// Twice: objects may be joined, as cat does it.
		packed := append(pack(t, format, text), pack(t, format, text[:100])...)
		r, kind, err := container.Open(bytes.NewReader(packed))
		if err != nil || kind != want {
			t.Errorf("%s: %s, %v; want %s", format, kind, err, want)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, append(bytes.Clone(text), text[:100]...)) {
			t.Errorf("%s: %d bytes, %v", format, len(got), err)
		}
		if kind.Compressed() != (format != compress.Uncompressed) {
			t.Errorf("%s: Compressed() = %v", kind, kind.Compressed())
		}
	}
	r, kind, err := container.Open(bytes.NewReader(framed(text)))
	if err != nil || kind != container.Snappy {
		t.Fatalf("framed Snappy: %s, %v", kind, err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
		t.Errorf("framed Snappy: %d bytes, %v", len(got), err)
	}
}

func TestDetect(t *testing.T) {
	for head, want := range map[string]container.Kind{
		"":                                     container.Plain,
		"{":                                    container.Plain,
		`{"a":1}`:                              container.Plain,
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00": container.Plain,
		"PAR1\x15":                             container.Parquet,
		"PARE\x15":                             container.Parquet,
		"ORC\x01":                              container.ORC,
		"ARROW1\x00\x00":                       container.Arrow,
		"\xff\xff\xff\xff\x10\x00":             container.ArrowStream,
		"Obj\x01":                              container.Avro,
		"PK\x03\x04":                           container.Zip,
		"BZh91AY":                              container.Bzip2,
	} {
		if got := container.Detect([]byte(head)); got != want {
			t.Errorf("Detect(%q) = %s, want %s", head, got, want)
		}
	}
}

// A stream that ends early is an error, never fewer bytes in silence.
func TestATruncatedStreamIsAnError(t *testing.T) {
	for _, format := range compress.Formats()[1:] {
		if format == compress.ZIP {
			continue
		}
		packed := pack(t, format, text)
		for _, n := range []int{len(packed) - 1, len(packed) - 5, len(packed) / 2, 30} {
			r, _, err := container.Open(bytes.NewReader(packed[:n]))
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err == nil {
				t.Errorf("%s cut to %d of %d bytes is read without an error", format, n, len(packed))
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, format := range compress.Formats() {
		f.Add(pack(f, format, text[:2000]))
	}
	f.Add(framed(text[:2000]))
	f.Add([]byte("\x00\x00\x00\x05\x00\x00\x00\x07\x05\x10hello\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, kind, err := container.Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer r.Close()
		// Whatever it is, reading it ends.
		_, err = io.Copy(io.Discard, io.LimitReader(r, 16<<20))
		if kind == container.Plain && err != nil {
			t.Errorf("plain bytes: %v", err)
		}
	})
}
