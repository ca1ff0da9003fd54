package parquet

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
)

func decode(t *testing.T, text string) *Config {
	t.Helper()
	c := Default().(*Config)
	if err := yaml.Load([]byte(text), c, yaml.WithKnownFields()); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestDefaultsAreValid(t *testing.T) {
	c := Default().(*Config)
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if l := c.Limits(); l.Bytes != 128<<20 || l.Rows != 1_000_000 || l.Budget != nil || c.Extension() != ".parquet" {
		t.Errorf("%+v, %s", l, c.Extension())
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	got := decode(t, `
compression: lz4_raw
row_group_size: 64MiB
row_group_rows: 122880
page_size: 128KiB
dictionary: false
writer_version: v2
encodings: Modern
timestamps: INT96
bloom_filter_columns: [a, b.element]
bloom_filter_false_positive_probability: 5%
`)
	want := &Config{Compression: LZ4Raw, RowGroupSize: 64 << 20, RowGroupRows: 122880, PageSize: 128 << 10, WriterVersion: V2, Encodings: Modern,
		Timestamps: Int96, BloomFilterColumns: []string{"a", "b.element"}, BloomFilterFalsePositiveProbability: 0.05}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestUnknownWordsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"compression: BROTLI": "UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW",
		"writer_version: V3":  "V1, V2",
		"encodings: new":      "plain, modern",
		"timestamps: seconds": "millis, micros, nanos, int96",
	} {
		err := yaml.Load([]byte(text), Default())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestValuesOutOfRangeAreRefused(t *testing.T) {
	for text, path := range map[string]string{
		"row_group_size: 1KiB":                         "row_group_size",
		"row_group_size: 5GiB":                         "row_group_size",
		"row_group_rows: 0":                            "row_group_rows",
		"page_size: 1KiB":                              "page_size",
		"page_size: 1GiB":                              "page_size",
		"bloom_filter_columns: [a, b, a]":              "bloom_filter_columns",
		"bloom_filter_false_positive_probability: 0%":  "bloom_filter_false_positive_probability",
		"bloom_filter_false_positive_probability: 90%": "bloom_filter_false_positive_probability",
	} {
		err := decode(t, text).Validate()
		var f *field.Error
		if !errors.As(err, &f) || f.Path != path || f.Hint == "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one problem with %s", text, err, path)
		}
	}
}
