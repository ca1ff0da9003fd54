// Package conversion is Firehose's data format conversion as a user configures
// it: how records are read, which columns they have, and which files they
// become. [Config.Format] joins the three.
package conversion

import (
	"cmp"
	"errors"
	"io"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// Config is what a user writes under data_format_conversion, in Firehose's
// words.
type Config struct {
	Enabled     bool        `yaml:"enabled" doc:"false keeps the settings and delivers records as they came."`
	InputFormat InputFormat `yaml:"input_format" doc:"How records are read."`
	Schema      Schema      `yaml:"schema" doc:"The columns: exactly one of columns, file and infer."`

	// Output is the file format that the user chose under output_format, and
	// OutputName what it is called there.
	Output     column.Output `yaml:"-"`
	OutputName string        `yaml:"-"`

	file *column.Schema // what Schema.File describes; see ReadFile
}

// InputFormat is how records are read. There is one: JSON.
type InputFormat struct {
	JSON JSON `yaml:"json" doc:"Records are JSON objects: one, or several back to back. It does what Firehose's OpenX deserializer does."`
}

// JSON are the settings of Firehose's deserializers.
type JSON struct {
	CaseInsensitive   bool                     `yaml:"case_insensitive" doc:"Keys match columns whatever their letter case."`
	DotsToUnderscores bool                     `yaml:"convert_dots_in_json_keys_to_underscores" doc:"The key a.b fills the column a_b."`
	KeyMappings       map[string]string        `yaml:"column_to_json_key_mappings,omitempty" doc:"JSON keys of columns that are called otherwise, by column."`
	TimestampFormats  []column.TimestampFormat `yaml:"timestamp_formats,omitempty" doc:"What a timestamp may be, tried in order: openx, iso8601, hive, epoch_seconds, epoch_millis, epoch_micros, epoch_nanos, or a pattern like yyyy-MM-dd HH:mm:ss. None: openx, which takes what Firehose takes."`
}

// Schema is where the columns come from and what happens to the rest.
type Schema struct {
	Columns        []schema.Column      `yaml:"columns,omitempty" doc:"The columns, in order."`
	File           string               `yaml:"file,omitempty" doc:"File that describes the columns: Avro schema (.avsc), JSON Schema, Hive DDL (.sql), table of AWS Glue (.json), Parquet or ORC. Relative to the configuration file."`
	Infer          *Infer               `yaml:"infer,omitempty" doc:"Decide the columns by the first records, and keep them in schema.json in the data directory. They change only as add_column and widen allow."`
	OnUnknownField column.UnknownFields `yaml:"on_unknown_field" doc:"Fields that are no columns: ignore leaves them out, extra_column keeps them, dead_letter fails the record, add_column, with infer, makes columns of them."`
	ExtraColumn    string               `yaml:"extra_column,omitempty" doc:"With extra_column: name of the string column that takes unknown fields, as a JSON object. It is added if the schema lacks it."`
	Widen          schema.Widening      `yaml:"widen" doc:"With infer: the types that may change when a value does not fit. none: the record fails. numbers: bigint becomes double. strings: plain types become string, too."`
}

// Infer says how columns are decided by records.
type Infer struct {
	Sample int `yaml:"sample" doc:"At most so many records of the first batch are looked at."`
}

const (
	defaultSample = 10_000
	mostSample    = 10_000_000
	defaultExtra  = "_extra"
)

// Default returns a configuration that lacks an output and columns.
func Default() *Config {
	return &Config{
		Enabled:     true,
		InputFormat: InputFormat{JSON: JSON{CaseInsensitive: true}},
	}
}

// DefaultInfer returns what infer: {} means.
func DefaultInfer() *Infer { return &Infer{Sample: defaultSample} }

// DefaultSize is the buffering size of a stream that converts and says
// nothing: fewer bytes make files that query engines read slowly.
const DefaultSize = 64 << 20

// Validate reports everything that is wrong, each as a *field.Error. The
// output was validated where it was decoded; here it meets the columns.
func (c *Config) Validate() error {
	if !c.Enabled {
		return nil // as in Firehose: the settings are kept
	}
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	add(c.validateSources())
	if c.Schema.OnUnknownField != column.ToExtraColumn && c.Schema.ExtraColumn != "" {
		add(field.Errorf("schema.extra_column", "add on_unknown_field: extra_column, or remove extra_column",
			"is of no use: unknown fields are not kept"))
	}
	if c.Schema.Infer != nil {
		add(c.validateInference())
		return errors.Join(problems...)
	}
	add(c.validateFixed())
	if err := errors.Join(problems...); err != nil {
		return err
	}
	s, err := c.columns()
	if err != nil {
		return err
	}
	_, err = c.format(s, nil)
	return err
}

// validateSources checks that there is one source of columns.
func (c *Config) validateSources() error {
	const hint = "write columns: [{name: id, type: bigint}], or file: table.avsc, or infer: {}"
	var given []string
	if len(c.Schema.Columns) > 0 {
		given = append(given, "columns")
	}
	if c.Schema.File != "" {
		given = append(given, "file")
	}
	if c.Schema.Infer != nil {
		given = append(given, "infer")
	}
	switch {
	case len(given) == 0:
		return field.Errorf("schema.columns", hint, "is missing")
	case len(given) > 1:
		return field.Errorf("schema."+given[1], "keep one of columns, file and infer", "is given beside %s, and only one can decide the columns", given[0])
	case c.Schema.Infer != nil && (c.Schema.Infer.Sample < 1 || c.Schema.Infer.Sample > mostSample):
		return field.Errorf("schema.infer.sample", "10000 suits most", "%d is out of range: from 1 to %d", c.Schema.Infer.Sample, mostSample)
	}
	return nil
}

// validateInference refuses settings that only columns with known names can
// have: with them the records that decide could not be converted.
func (c *Config) validateInference() error {
	var problems []error
	json := c.InputFormat.JSON
	if len(json.KeyMappings) > 0 {
		problems = append(problems, field.Errorf("input_format.json.column_to_json_key_mappings", "write columns in place of infer, or remove it",
			"has no meaning with inferred columns, which are called like their keys"))
	}
	if len(json.TimestampFormats) > 0 {
		problems = append(problems, field.Errorf("input_format.json.timestamp_formats", "write columns in place of infer, or remove it",
			"has no meaning with inferred columns: a timestamp is inferred from text that Firehose takes for one"))
	}
	return errors.Join(problems...)
}

// validateFixed refuses settings that change columns which the user has fixed.
func (c *Config) validateFixed() error {
	source := "columns"
	switch {
	case c.Schema.File != "":
		source = "file"
	case len(c.Schema.Columns) == 0:
		return nil // that there are none is said already
	}
	var problems []error
	if c.Schema.Widen != schema.WidenNothing {
		problems = append(problems, field.Errorf("schema.widen", "write infer: {} in place of "+source+"; or write the wider types there, a reload is enough",
			"has no meaning with %s: only inferred columns change by themselves", source))
	}
	if c.Schema.OnUnknownField == column.AddColumn {
		problems = append(problems, field.Errorf("schema.on_unknown_field", "write infer: {} in place of "+source+"; or extra_column, which keeps all unknown fields in one column",
			"add_column has no meaning with %s: only inferred columns change by themselves", source))
	}
	return errors.Join(problems...)
}

// evolves reports whether inferred columns may change.
func (c *Config) evolves() bool {
	return c.Schema.Widen != schema.WidenNothing || c.Schema.OnUnknownField == column.AddColumn
}

// options are the settings of the parser for columns.
func (c *Config) options(s *column.Schema) column.Options {
	json := c.InputFormat.JSON
	o := column.Options{
		CaseInsensitive:   json.CaseInsensitive,
		DotsToUnderscores: json.DotsToUnderscores,
		Keys:              json.KeyMappings,
		TimestampFormats:  json.TimestampFormats,
		UnknownFields:     c.Schema.OnUnknownField,
	}
	switch o.UnknownFields {
	case column.ToExtraColumn:
		o.ExtraColumn = c.extraColumn()
	case column.AddColumn:
		o.Leave = func(beside []column.Field, name string) bool { return !schema.CanAdd(s, beside, name) }
		if schema.Full(s) {
			o.UnknownFields = column.Ignore // which is faster
		}
	}
	return o
}

func (c *Config) extraColumn() string { return cmp.Or(c.Schema.ExtraColumn, defaultExtra) }

// columns returns what the configuration says; not for inferred columns.
func (c *Config) columns() (*column.Schema, error) {
	if c.Schema.File != "" {
		if c.file == nil {
			return nil, field.Errorf("schema.file", "", "was not read")
		}
		return c.withExtra(c.file), nil
	}
	s, err := schema.FromColumns(c.Schema.Columns)
	if err != nil {
		return nil, field.Under("schema", err)
	}
	return c.withExtra(s), nil
}

// withExtra adds the column for unknown fields if s lacks it.
func (c *Config) withExtra(s *column.Schema) *column.Schema {
	if c.Schema.OnUnknownField != column.ToExtraColumn {
		return s
	}
	name := c.extraColumn()
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return s
		}
	}
	extra := column.Field{Name: name, Type: column.Type{Kind: column.String}}
	return &column.Schema{Columns: append(s.Columns[:len(s.Columns):len(s.Columns)], extra)}
}

// format makes encoders for columns. It also begins a file, so that columns
// and settings that cannot work together are refused before there are records.
func (c *Config) format(s *column.Schema, memory *column.Budget) (column.Format, error) {
	parsers, err := column.NewParsers(s, c.options(s))
	if err != nil {
		return column.Format{}, field.Under("input_format.json", err)
	}
	if _, err := c.Output.NewFile(io.Discard, s); err != nil {
		return column.Format{}, field.Under("output_format."+c.OutputName, err)
	}
	return column.Format{Parsers: parsers, Output: c.Output, Budget: memory}, nil
}
