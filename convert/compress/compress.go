// Package compress holds the containers around an object's bytes, under the
// names that Firehose's CompressionFormat has for them.
package compress

import (
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Format is a container.
type Format string

// The containers. ZSTD is not among Firehose's.
const (
	Uncompressed Format = "UNCOMPRESSED"
	GZIP         Format = "GZIP"          // RFC 1952, one member
	ZIP          Format = "ZIP"           // archive with one DEFLATE entry
	Snappy       Format = "Snappy"        // the stream of xerial's snappy-java
	HadoopSnappy Format = "HADOOP_SNAPPY" // the block stream of Hadoop's SnappyCodec
	ZSTD         Format = "ZSTD"          // RFC 8878, one frame
)

// Formats lists the containers as users may write them.
func Formats() []Format {
	return []Format{Uncompressed, GZIP, ZIP, Snappy, HadoopSnappy, ZSTD}
}

// Values lists the containers for the reference of the configuration.
func (Format) Values() []string {
	names := make([]string, 0, 6)
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return names
}

// UnmarshalText reads a name in any letter case.
func (f *Format) UnmarshalText(text []byte) error {
	names := make([]string, 0, 6)
	for _, known := range Formats() {
		if strings.EqualFold(string(known), string(text)) {
			*f = known
			return nil
		}
		names = append(names, string(known))
	}
	return &field.Error{
		Text: fmt.Sprintf("%q is not a compression format", text),
		Hint: "write one of " + strings.Join(names, ", "),
	}
}

// Extension is what names of such objects end with, as Firehose was seen to
// write it: HADOOP_SNAPPY is .snappy too.
func (f Format) Extension() string {
	switch f {
	case GZIP:
		return ".gz"
	case ZIP:
		return ".zip"
	case Snappy, HadoopSnappy:
		return ".snappy"
	case ZSTD:
		return ".zst"
	}
	return ""
}

// ContentEncoding is the object's header, as Firehose sets it.
func (f Format) ContentEncoding() string {
	switch f {
	case GZIP:
		return "gzip"
	case ZIP:
		return "zip"
	case Snappy:
		return "snappy-java"
	case HadoopSnappy:
		return "hadoop-snappy"
	case ZSTD:
		return "zstd"
	}
	return ""
}
