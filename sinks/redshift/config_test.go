package redshift

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
	"github.com/hydrant-dev/hydrant/sinks/s3"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func valid() *Config {
	c := Default().(*Config)
	c.DSN = "postgres://u@cluster.example:5439/dev"
	c.CopyCommand = CopyCommand{DataTableName: "public.orders", CopyOptions: field.NewSecret("JSON 'auto' IAM_ROLE 'arn:aws:iam::1:role/r'")}
	c.S3.Bucket = "staging"
	return c
}

func convertTo(name string) *conversion.Config {
	c := conversion.Default()
	c.OutputName, c.Output = name, parquet.Default()
	if name == "arrow" {
		c.Output = arrow.Default()
	}
	c.Schema.Columns = []schema.Column{{Name: "id", Type: "bigint"}}
	return c
}

func TestValidateNamesEachMistake(t *testing.T) {
	options := func(text string) func(*Config) {
		return func(c *Config) { c.CopyCommand.CopyOptions = field.NewSecret(text) }
	}
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string // path: text
	}{
		{"nothing", func(c *Config) {}, ""},
		{"a driver's URL", func(c *Config) { c.DSN = "jdbc:redshift://u@h:5439/dev" }, ""},
		{"another driver's URL", func(c *Config) { c.DSN = "jdbc:postgresql://u@h:5439/dev" }, ""},
		{"password", func(c *Config) { c.DSN = "jdbc:redshift://u:p@h:5439/dev" }, "dsn: must not hold a password"},
		{"no dsn", func(c *Config) { c.DSN = "" }, "dsn: is missing"},
		{"unknown connection", func(c *Config) { c.ConnectionName = "w" }, `connection: connection "w" is not known`},
		{"no table", func(c *Config) { c.CopyCommand.DataTableName = "" }, "copy_command.data_table_name: "},
		{"column twice", func(c *Config) { c.CopyCommand.DataTableColumns = []string{"a", "a"} }, "copy_command.data_table_columns: "},
		{"checkpoints", func(c *Config) { c.CheckpointTable = "a.b.c" }, "checkpoint_table: "},
		{"no options", options(""), "copy_command.copy_options: is missing"},
		{"only credentials", options("'x'"), "copy_command.copy_options: is missing"},
		{"open quote", options("JSON 'auto"), "copy_command.copy_options: cannot be used: a quote is not closed"},
		{"second statement", options("JSON 'auto'; DROP TABLE x"), "copy_command.copy_options: cannot be used: a semicolon"},
		{"comment", options("JSON 'auto' -- x"), "copy_command.copy_options: cannot be used: a semicolon or a comment"},
		{"comment", options("JSON 'auto' /* x"), "copy_command.copy_options: cannot be used: a semicolon or a comment"},
		{"semicolon in quotes", options("JSON 'auto' CREDENTIALS 'a=b;c=d'"), ""},
		{"loads nothing", options("JSON 'auto' noload"), "copy_command.copy_options: must not hold NOLOAD"},
		{"manifest", options("JSON 'auto' MANIFEST"), "copy_command.copy_options: must not hold MANIFEST"},
		{"gzip is not said", func(c *Config) { c.S3.CompressionFormat = compress.GZIP }, "copy_command.copy_options: must hold GZIP"},
		{"zstd is not said", func(c *Config) { c.S3.CompressionFormat = compress.ZSTD }, "copy_command.copy_options: must hold ZSTD"},
		{"gzip is said", options("GZIP JSON 'auto'"), "copy_command.copy_options: must not hold GZIP"},
		{"lzop is said", options("lzop JSON 'auto'"), "copy_command.copy_options: must not hold LZOP"},
		{"no bucket", func(c *Config) { c.S3.Bucket = "" }, "s3.bucket: is missing"},
		{"folder", func(c *Config) { c.S3.Bucket = "file:///x" }, "s3.bucket: must not be a folder"},
		{"quote in a prefix", func(c *Config) { c.S3.Prefix = "it's/" }, "s3.prefix: must not hold quotes"},
		{"prefix", func(c *Config) { c.S3.Prefix = "!{x}" }, "s3.prefix: expression"},
		{"unknown storage", func(c *Config) { c.S3.ConnectionName = "w" }, `s3.connection: connection "w" is not known`},
		{"snappy", func(c *Config) { c.S3.CompressionFormat = compress.Snappy }, "s3.compression_format: must not be Snappy"},
		{"zip", func(c *Config) { c.S3.CompressionFormat = compress.ZIP }, "s3.compression_format: must not be ZIP"},
		{"size", func(c *Config) { c.BufferingHints.Size = 0 }, "buffering_hints.size: "},
		{"interval", func(c *Config) { c.BufferingHints.Interval = 0 }, "buffering_hints.interval: "},
		{"backup", func(c *Config) { c.S3BackupMode.All = true }, "s3_backup.bucket: is missing"},
		{"backup in the same place", func(c *Config) { c.S3BackupMode.All = true; c.S3Backup.Bucket = "staging" }, "s3_backup.prefix: is where"},
		{"parquet", func(c *Config) { c.Convert(convertTo("parquet")); options("FORMAT AS PARQUET")(c) }, ""},
		{"parquet is not said", func(c *Config) { c.Convert(convertTo("parquet")) }, "copy_command.copy_options: must hold PARQUET"},
		{"parquet is said", options("FORMAT PARQUET"), "copy_command.copy_options: must not hold PARQUET"},
		{"arrow", func(c *Config) { c.Convert(convertTo("arrow")); options("PARQUET")(c) }, "data_format_conversion.output_format: must be parquet"},
		{"gzip and parquet", func(c *Config) {
			c.Convert(convertTo("parquet"))
			c.S3.CompressionFormat = compress.GZIP
			options("GZIP PARQUET")(c)
		}, "s3.compression_format: must be UNCOMPRESSED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := valid()
			test.change(c)
			err := c.Validate()
			if test.want == "" && err == nil {
				return
			}
			all := field.Errors(err)
			if len(all) != 1 || test.want == "" {
				t.Fatalf("Validate = %v, want %q", err, test.want)
			}
			if got := all[0].Path + ": " + all[0].Text; !strings.HasPrefix(got, test.want) {
				t.Errorf("Validate: %q, want %q", got, test.want)
			}
		})
	}
}

func TestOptionsAreNeverShown(t *testing.T) {
	c := valid()
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c)} {
		if strings.Contains(text, "role/r") {
			t.Errorf("the configuration reads %s", text)
		}
	}
	c.CopyCommand.CopyOptions = field.NewSecret("JSON 'auto' 'canary")
	if err := c.Validate(); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("Validate = %v", err)
	}
}

func TestConnectionsAreTaken(t *testing.T) {
	c := valid()
	shared := &postgres.Connection{DSN: "postgres://u@other/dev", ConnectTimeout: 1}
	if err := c.UseConnection(shared); err == nil {
		t.Error("a connection and a dsn are taken together")
	}
	c.DSN, c.ConnectionName = "", "w"
	if err := c.UseConnection(s3.DefaultConnection()); err == nil {
		t.Error("the connection of a bucket is taken for a database")
	}
	if err := c.UseConnection(shared); err != nil || c.DSN != shared.DSN {
		t.Errorf("UseConnection: %v", err)
	}
	c.S3.ConnectionName = "lake"
	bucket := s3.DefaultConnection()
	bucket.Endpoint = "http://minio:9000"
	part := c.Parts()["s3"].(*Staging)
	if err := part.UseConnection(shared); err == nil {
		t.Error("the connection of a database is taken for a bucket")
	}
	if err := part.UseConnection(bucket); err != nil || c.S3.Endpoint != bucket.Endpoint {
		t.Errorf("UseConnection: %v", err)
	}
	if err := c.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

// What an older version sealed must mean the same to a newer one.
func TestPayloadsGolden(t *testing.T) {
	s := testSink(t, "JSON 'auto'")
	var spool sinktest.Spool
	w := s.Batch(&spool)
	chunk := sinktest.Chunk("one", "two")
	if err := w.Add(chunk, []int{0, 1}); err != nil {
		t.Fatal(err)
	}
	p, err := w.Seal(sinktest.Plan(chunk))
	if err != nil {
		t.Fatal(err)
	}
	spool.Load(p)
	manifest := make([]byte, p[1].Size)
	if _, err := p[1].Body.ReadAt(manifest, 0); err != nil {
		t.Fatal(err)
	}
	const key = "2024/12/31/23/test-stream-1-2024-12-31-23-30-15-5d05e1df-eaf4-869f-aa26-fa944c07a752"
	if want := `{"entries":[{"url":"s3://staging/` + key + `","mandatory":true,"meta":{"content_length":8}}]}` + "\n"; string(manifest) != want {
		t.Errorf("manifest %s, want %s", manifest, want)
	}
	p[0].Body, p[1].Body = nil, nil
	want := []sinks.Payload{
		{Content: p[0].Content, ID: "5d05e1dfeaf4b69f2a26fa944c07a752", Name: key, Headers: map[string]string{"Content-Type": "application/octet-stream"}},
		{Content: p[1].Content, ID: "23ab2283ceee65d413857cf5517cb2cf", Name: "manifests/" + key, Count: sinktest.Plan(chunk).Count,
			Headers: map[string]string{"feed": "test/0", "object": key, "size": "8"}, Seqs: []uint64{1, 2}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
	sql := (&transaction{sink: s, payload: &p[1]}).copySQL()
	if want := `COPY "public"."orders" FROM 's3://staging/manifests/` + key + `' JSON 'auto' MANIFEST`; sql != want {
		t.Errorf("statement %s, want %s", sql, want)
	}
}

func FuzzOptions(f *testing.F) {
	for _, text := range []string{"JSON 'auto' GZIP", "CREDENTIALS 'a=b;c=d'", "x 'it''s' y", "'", "a;b", "--", "/*", "''"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOptions(text)
		if err != nil {
			return
		}
		// What is left without the quoted texts is words of one statement.
		rest := text
		for _, quoted := range o.texts {
			rest = strings.Replace(rest, literal(quoted), " ", 1)
		}
		for _, bad := range []string{"'", ";", "--", "/*"} {
			if strings.Contains(rest, bad) {
				t.Errorf("%q is taken: %q", text, rest)
			}
		}
	})
}

// Options that were not checked must never run: NOLOAD would lose the batch.
func TestReplacedOptionsWaitForAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "options")
	s := testSink(t, "JSON 'auto' IAM_ROLE 'arn:aws:iam::1:role/copy'")
	s.config.CopyCommand.CopyOptions.Follow(path)
	if err := os.WriteFile(path, []byte("JSON 'auto' NOLOAD"), 0o600); err != nil {
		t.Fatal(err)
	}
	tx := &transaction{sink: s, payload: &sinks.Payload{Name: "orders/manifest"}}
	if sql := tx.copySQL(); strings.Contains(sql, "NOLOAD") || !strings.Contains(sql, "IAM_ROLE") {
		t.Errorf("the statement is %s", sql)
	}
}
