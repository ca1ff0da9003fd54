package configs

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	fields := []string{"bucket", "prefix", "error_output_prefix", "tls", "s3"}
	for word, want := range map[string]string{
		"bukcet": "bucket", "buckets": "bucket", "Bucket": "bucket", "perfix": "prefix",
		"error_prefix": "error_output_prefix", "output": "", "eror_output_prefx": "error_output_prefix", "tsl": "tls",
		"endpoint": "", "": "s3", strings.Repeat("x", 1000): "",
	} {
		if word == "" {
			continue
		}
		if got, _ := nearest(word, fields); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestSnakeCase(t *testing.T) {
	for aws, want := range map[string]string{
		"BucketARN": "bucket_arn", "CompressionFormat": "compression_format", "S3BackupMode": "s3_backup_mode",
		"SizeInMBs": "size_in_m_bs", "HECEndpointType": "hec_endpoint_type", "Prefix": "prefix",
	} {
		if got := snakeCase(aws); got != want {
			t.Errorf("snakeCase(%q) = %q, want %q", aws, got, want)
		}
	}
}

func TestColorChangesNothingButColor(t *testing.T) {
	_, problems := Load([]string{"testdata/misspelled.bad.yaml", "testdata/duplicates.bad.yaml"}, environment)
	var plain, colored strings.Builder
	if err := problems.Render(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := problems.Render(&colored, true); err != nil {
		t.Fatal(err)
	}
	stripped := colored.String()
	for _, code := range []string{red, yellow, blue, bold, "0"} {
		stripped = strings.ReplaceAll(stripped, "\x1b["+code+"m", "")
	}
	if stripped != plain.String() || colored.String() == plain.String() {
		t.Errorf("colored:\n%q\nplain:\n%q", colored.String(), plain.String())
	}
}

func TestProblemsAsJSON(t *testing.T) {
	_, problems := Load([]string{"testdata/misspelled.bad.yaml"}, environment)
	b, err := problems.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	first := got[0]
	for key, want := range map[string]any{
		"id": "unknown-field", "severity": "error", "file": "testdata/misspelled.bad.yaml", "line": 7.0, "column": 9.0,
		"width": 6.0, "help": "did you mean bucket?", "path": "streams.clicks.destination.s3.bukcet",
	} {
		if first[key] != want {
			t.Errorf("%s = %v, want %v", key, first[key], want)
		}
	}
	if none, err := (Problems)(nil).JSON(); err != nil || string(none) != "[]\n" {
		t.Errorf("no problems are %q, %v", none, err)
	}
}
