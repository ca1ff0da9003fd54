package orc

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// Config is what a user writes under output_format.orc, in the words of
// Firehose's OrcSerDe. It must not be copied.
type Config struct {
	StripeSize             field.Size        `yaml:"stripe_size" doc:"Bytes at which a stripe ends, as they are in memory: compressed, for the most part."`
	RowIndexStride         int               `yaml:"row_index_stride" doc:"Rows to an entry of the indexes, by which readers skip what they do not look for."`
	Compression            Compression       `yaml:"compression" doc:"NONE, ZLIB, SNAPPY or ZSTD."`
	DictionaryKeyThreshold float64           `yaml:"dictionary_key_threshold" doc:"Share of different texts in a column up to which a dictionary is written; 0: never, 1: always."`
	BloomFilterColumns     []string          `yaml:"bloom_filter_columns,omitempty" doc:"Columns with a Bloom filter for each index entry."`
	BloomFilterProbability float64           `yaml:"bloom_filter_false_positive_probability" doc:"How often a Bloom filter may say that a value is there when it is not; more than 0, less than 1."`
	EnablePadding          bool              `yaml:"enable_padding" doc:"Fill up file system blocks, such as those of HDFS, so that few stripes lie in two of them."`
	BlockSize              field.Size        `yaml:"block_size" doc:"Size of a file system block, for enable_padding."`
	PaddingTolerance       float64           `yaml:"padding_tolerance" doc:"Largest filling as a share of stripe_size, for enable_padding."`
	FormatVersion          Version           `yaml:"format_version" doc:"V0_12; or V0_11, which readers older than Hive 0.12 need."`
	Metadata               map[string]string `yaml:"metadata,omitempty" doc:"Names and values to write into the footer of each file."`

	codecs codecs // shared by all files of a stream
}

var _ column.Output = (*Config)(nil)

// Firehose's bounds.
const (
	smallestStripe = 8 << 20
	smallestBlock  = 64 << 20
	smallestStride = 1000
)

// largestStride keeps a Bloom filter to 12 MiB.
const largestStride = 10_000_000

// Default returns Firehose's defaults, and Hive's for the dictionary.
func Default() column.Output {
	return &Config{
		StripeSize:             64 << 20,
		RowIndexStride:         10_000,
		Compression:            Snappy,
		DictionaryKeyThreshold: 0.8,
		BloomFilterProbability: 0.05,
		BlockSize:              256 << 20,
		PaddingTolerance:       0.05,
		FormatVersion:          V0_12,
	}
}

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	var problems []error
	check := func(ok bool, path, hint string, value any) {
		if !ok {
			problems = append(problems, field.Errorf(path, hint, "%v is out of range", value))
		}
	}
	check(c.StripeSize >= smallestStripe && c.StripeSize <= 1<<30, "stripe_size", "between 8MiB and 1GiB; Firehose's is 64MiB", c.StripeSize)
	check(c.BlockSize >= smallestBlock, "block_size", "at least 64MiB; Firehose's is 256MiB", c.BlockSize)
	check(c.RowIndexStride >= smallestStride && c.RowIndexStride <= largestStride, "row_index_stride",
		"between 1000 and 10000000; Firehose's is 10000", c.RowIndexStride)
	check(c.DictionaryKeyThreshold >= 0 && c.DictionaryKeyThreshold <= 1, "dictionary_key_threshold", "between 0 and 1; Hive's is 0.8", c.DictionaryKeyThreshold)
	check(c.PaddingTolerance >= 0 && c.PaddingTolerance <= 1, "padding_tolerance", "between 0 and 1; Firehose's is 0.05", c.PaddingTolerance)
	check(c.BloomFilterProbability > 0 && c.BloomFilterProbability < 1, "bloom_filter_false_positive_probability",
		"more than 0 and less than 1; Firehose's is 0.05", c.BloomFilterProbability)
	if c.EnablePadding && c.BlockSize < c.StripeSize {
		problems = append(problems, field.Errorf("block_size", "make it a multiple of stripe_size", "%v is smaller than stripe_size", c.BlockSize))
	}
	if slices.ContainsFunc(c.BloomFilterColumns, func(name string) bool { return strings.TrimSpace(name) == "" }) {
		problems = append(problems, field.Errorf("bloom_filter_columns", "write names of columns", "one of the names is empty"))
	}
	return errors.Join(problems...)
}

// NewFile starts a file. An error is a *field.Error: a Bloom filter on
// what is no column, or cannot have one.
func (c *Config) NewFile(w io.Writer, s *column.Schema) (column.File, error) {
	blooms := map[string]bool{}
	for _, name := range c.BloomFilterColumns {
		i := slices.IndexFunc(s.Columns, func(f column.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, field.Errorf("bloom_filter_columns", "remove it, or add the column to the schema", "%q is not a column", name)
		}
		if k := s.Columns[i].Type.Kind; !bloomable(k) {
			return nil, field.Errorf("bloom_filter_columns", "remove it", "column %q is of type %v, which has no Bloom filters", name, k)
		}
		blooms[name] = true
	}
	f := &File{config: c, schema: s, blooms: blooms, w: w}
	f.metadata = slices.Sorted(maps.Keys(c.Metadata))
	return f, f.start()
}

// Limits says that a stripe ends by its size.
func (c *Config) Limits() column.Limits { return column.Limits{Bytes: int64(c.StripeSize)} }

// Extension returns ".orc".
func (c *Config) Extension() string { return ".orc" }

// Compression is how streams are compressed.
type Compression string

// The compressions. ZSTD is not among Firehose's.
const (
	None   Compression = "NONE"
	Zlib   Compression = "ZLIB"
	Snappy Compression = "SNAPPY"
	Zstd   Compression = "ZSTD"
)

// Values lists the compressions for the reference of the configuration.
func (Compression) Values() []string {
	return []string{string(None), string(Zlib), string(Snappy), string(Zstd)}
}

// UnmarshalText reads a name in any letter case.
func (c *Compression) UnmarshalText(text []byte) error {
	name, err := field.OneOf(text, c.Values()...)
	if err == nil {
		*c = Compression(name)
	}
	return err
}

// Version is the oldest Hive that can read a file.
type Version string

// The versions. They differ in how integers are packed.
const (
	V0_11 Version = "V0_11"
	V0_12 Version = "V0_12"
)

// Values lists the versions for the reference of the configuration.
func (Version) Values() []string { return []string{string(V0_11), string(V0_12)} }

// UnmarshalText reads a version in any letter case.
func (v *Version) UnmarshalText(text []byte) error {
	name, err := field.OneOf(text, v.Values()...)
	if err == nil {
		*v = Version(name)
	}
	return err
}
