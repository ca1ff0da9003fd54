// Package container recognises what an object is by its first bytes, and
// reads the compressed ones: those that convert/compress writes and their
// relatives from elsewhere.
package container

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Kind is what the first bytes of an object say it is.
type Kind string

// The kinds. Those from Gzip to Bzip2 are streams of compressed bytes.
const (
	Plain        Kind = "plain" // nothing that is known
	Gzip         Kind = "gzip"
	Zstd         Kind = "zstd"
	Snappy       Kind = "snappy"        // the framing format of google/snappy, and S2's
	SnappyJava   Kind = "snappy-java"   // xerial's stream: Firehose's Snappy
	HadoopSnappy Kind = "hadoop-snappy" // the block stream of Hadoop's SnappyCodec
	Bzip2        Kind = "bzip2"
	Zip          Kind = "zip"
	Parquet      Kind = "parquet"
	ORC          Kind = "orc"
	Arrow        Kind = "arrow"        // the file format of Arrow IPC
	ArrowStream  Kind = "arrow-stream" // the stream format of Arrow IPC
	Avro         Kind = "avro"         // an object container file
)

// HeadSize is how many bytes Detect wants to see, if there are so many.
const HeadSize = 64

var magics = []struct {
	text string
	kind Kind
}{
	{"\x1f\x8b", Gzip},
	{"\x28\xb5\x2f\xfd", Zstd},
	{"\xff\x06\x00\x00sNaPpY", Snappy},
	{"\xff\x06\x00\x00S2sTwO", Snappy},
	{xerialMagic, SnappyJava},
	{"BZh", Bzip2},
	{"PK\x03\x04", Zip},
	{"PK\x05\x06", Zip}, // without entries
	{"PAR1", Parquet},
	{"PARE", Parquet}, // with an encrypted footer
	{"ORC", ORC},
	{"ARROW1", Arrow},
	{"\xff\xff\xff\xff", ArrowStream},
	{"Obj\x01", Avro},
}

// Detect says what an object that begins with head is.
func Detect(head []byte) Kind {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.text)) {
			return m.kind
		}
	}
	if isHadoopSnappy(head) {
		return HadoopSnappy
	}
	return Plain
}

// isHadoopSnappy looks for what the block stream has instead of a magic
// number: three lengths that fit each other. Text never does, since its first
// byte alone would make a block of more than 64 MiB.
func isHadoopSnappy(head []byte) bool {
	if len(head) < 9 {
		return false
	}
	raw, packed := binary.BigEndian.Uint32(head), binary.BigEndian.Uint32(head[4:])
	block, err := s2.DecodedLen(head[8:])
	return err == nil && raw > 0 && raw <= largestBlock && packed > 0 && block > 0 && block <= int(raw) &&
		int(packed) <= s2.MaxEncodedLen(block)
}

// zstdWindow bounds the memory of a ZSTD decoder: what zstd --long makes.
const zstdWindow = 128 << 20

// NewReader reads the content of an object of a kind. For kinds that are no
// stream it is an error.
func NewReader(r io.Reader, k Kind) (io.ReadCloser, error) {
	switch k {
	case Plain:
		return io.NopCloser(r), nil
	case Gzip:
		return gzip.NewReader(r)
	case Zstd:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case Snappy:
		return io.NopCloser(s2.NewReader(r)), nil
	case SnappyJava:
		return io.NopCloser(&blocks{r: r, java: true}), nil
	case HadoopSnappy:
		return io.NopCloser(&blocks{r: r}), nil
	case Bzip2:
		return io.NopCloser(bzip2.NewReader(r)), nil
	}
	return nil, fmt.Errorf("open %s: it cannot be read front to back", k)
}

// Open recognises a stream by its first bytes and reads its content.
func Open(r io.Reader) (io.ReadCloser, Kind, error) {
	head := make([]byte, HeadSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, "", err
	}
	head = head[:n]
	kind := Detect(head)
	content, err := NewReader(io.MultiReader(bytes.NewReader(head), r), kind)
	if err != nil {
		return nil, kind, err
	}
	return content, kind, nil
}

// Compressed reports whether NewReader has something to decompress.
func (k Kind) Compressed() bool {
	switch k {
	case Gzip, Zstd, Snappy, SnappyJava, HadoopSnappy, Bzip2:
		return true
	}
	return false
}
