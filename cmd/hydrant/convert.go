package main

import (
	"cmp"
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/internal/convert"
	"github.com/hydrant-dev/hydrant/internal/progress"
)

// convertFlags are the flags of convert.
type convertFlags struct {
	format, columns, schemaFile, stream, compression, errors string
	sample, groupRows, cores                                 int
	memory                                                   field.Size
	force, strict, quiet                                     bool
}

// The memory if the user names none. Groups are cut by the same on every
// machine, so that their bytes are the same.
const (
	memoryPerCore = 512 << 20
	groupMemory   = 1 << 30
)

func (c *command) convert() *cobra.Command {
	f := convertFlags{}
	cmd := &cobra.Command{
		Use:     "convert IN... OUT [flags]",
		GroupID: "data",
		Short:   "Turn files of JSON records into Parquet, ORC or Arrow",
		Long: `Turn files of JSON records, one a line, into one Parquet, ORC or Arrow file, as
a stream with data_format_conversion does it. IN is files, folders, archives,
patterns or - for standard input; gzip, zstd, snappy, bzip2 and zip are
recognised by their content. OUT is a file or - for standard output.

Columns are what --columns or --schema say, or what the first records show.
Records that are no rows of the table are left out, counted and shown, and the
exit code is 4. With --errors they are kept in a file, and it is 0. With
--strict the first one ends the conversion, and there is no output.

The output is the same on any number of cores.`,
		Example: `  hydrant convert clicks.ndjson clicks.parquet
  hydrant convert logs/2026/ logs.orc --errors failed.ndjson
  hydrant convert part-*.gz orders.parquet --columns "id bigint, total decimal(10,2), at timestamp"
  zcat clicks.gz | hydrant convert - - --format arrow > clicks.arrow
  hydrant convert clicks.ndjson clicks.parquet -c hydrant.yaml --stream clicks    as the stream would`,
		Args: arguments(2, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, out := args[:len(args)-1], args[len(args)-1]
			err := c.runConvert(cmd.Context(), &f, in, out)
			if err != nil && cmd.Context().Err() != nil {
				return fmt.Errorf("convert to %s: stopped before the end; nothing is kept", out)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "parquet, orc or arrow (default: what OUT ends with)")
	flags.StringVar(&f.columns, "columns", "", "the columns with their Hive `types`: id bigint, name string")
	flags.StringVar(&f.schemaFile, "schema", "", "`file` that describes the columns: Avro, JSON Schema, Hive DDL, Glue, Parquet, ORC")
	flags.IntVar(&f.sample, "sample", schema.DefaultSample, "without --columns and --schema: how many records decide the columns")
	flags.StringVar(&f.compression, "compression", "", "`codec` of the format: snappy, zstd, gzip, zlib, lz4, none")
	flags.IntVar(&f.groupRows, "row-group-size", 0, "`rows` of a row group, stripe or record batch (default: what 64MiB of records make)")
	flags.StringVar(&f.errors, "errors", "", "`file` for records that fail: Firehose's error records, one a line")
	flags.BoolVar(&f.strict, "strict", false, "end at the first record that fails")
	flags.BoolVarP(&f.force, "force", "f", false, "replace OUT if it exists")
	flags.IntVar(&f.cores, "cores", 0, "how many `cores` to use, at most all (default all)")
	flags.Var(textFlag{&f.memory}, "memory", "`size` of memory to use; more lets more cores work (default 512MiB a core, at least 1GiB)")
	c.configFlag(cmd)
	flags.StringVar(&f.stream, "stream", "", "`name` of the stream in the configuration whose data_format_conversion is used")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	completeWith(cmd, "format", slices.Sorted(maps.Keys(configs.Formats))...)
	completeWith(cmd, "compression", "snappy", "zstd", "gzip", "zlib", "lz4", "none")
	return cmd
}

func (c *command) runConvert(ctx context.Context, f *convertFlags, in []string, out string) error {
	begun := time.Now()
	if err := f.check(out); err != nil {
		return err
	}
	inputs, err := convert.Find(in, convert.Patient(ctx, c.stdin), out, f.errors)
	if err != nil {
		return err
	}
	job, err := c.conversionJob(ctx, f, inputs, out)
	if err != nil {
		return err
	}
	job.Cores, job.GroupRows = min(cmp.Or(f.cores, runtime.NumCPU()), runtime.NumCPU()), f.groupRows
	if job.Memory = int64(f.memory); job.Memory == 0 {
		job.Memory, job.GroupMemory = max(groupMemory, int64(job.Cores)*memoryPerCore), groupMemory
	}
	runtime.GOMAXPROCS(job.Cores)
	debug.SetMemoryLimit(job.Memory)

	failed := convert.Errors{Show: c.stderr, Strict: f.strict}
	defer failed.Discard()
	if f.errors != "" {
		if err := failed.Open(f.errors, f.force); err != nil {
			return err
		}
	}
	job.Bad = failed.Add
	summary, err := c.convertTo(ctx, f, job, out)
	if err != nil {
		return err
	}
	if err := failed.Commit(); err != nil {
		return err
	}
	summary.Took, summary.CPU, summary.Errors = time.Since(begun), convert.CPU(), f.errors
	to := c.stdout
	if out == "-" {
		to = c.stderr
	}
	fmt.Fprintln(to, lines(summary.String()))
	if summary.Result.Failed > 0 && f.errors == "" {
		return &exitError{exitPartly, fmt.Errorf("%s left out; keep them with --errors FILE",
			plural(int(summary.Result.Failed), "record"))}
	}
	return nil
}

// check finds what is wrong before anything is read.
func (f *convertFlags) check(out string) error {
	for _, n := range []struct {
		flag  string
		value int
	}{{"--cores", f.cores}, {"--row-group-size", f.groupRows}, {"--sample", f.sample}} {
		if n.value < 0 {
			return &exitError{exitUsage, fmt.Errorf("%s %d: it is less than nothing; leave it out for the default", n.flag, n.value)}
		}
	}
	for i, name := range []string{out, f.errors} {
		if name == "" || name == "-" && i == 0 {
			continue
		}
		if err := convert.CheckOutput(name, f.force); err != nil {
			return err
		}
	}
	if f.errors != "" && filepath.Clean(f.errors) == filepath.Clean(out) {
		return fmt.Errorf("--errors %s is the output too; name another file", f.errors)
	}
	return nil
}

// convertTo writes the output and gives it its name.
func (c *command) convertTo(ctx context.Context, f *convertFlags, job *convert.Job, out string) (convert.Summary, error) {
	summary := convert.Summary{Output: out}
	summary.Group, summary.Groups = groupWords(job.Output)
	display, bytes := progress.Display{Out: c.stderr, Terminal: terminal(c.stderr), Name: out}, convert.Size(job.Inputs)
	showing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	if !f.quiet {
		wg.Go(func() {
			display.Run(showing, func(took time.Duration) progress.Status { return job.Progress().Status(took, bytes) })
		})
	}
	if out == "-" {
		counted := &countedWriter{w: c.stdout}
		result, err := job.Run(ctx, counted)
		summary.Result, summary.Written = result, counted.n
		return summary, err
	}
	file, err := convert.Create(out, f.force)
	if err != nil {
		return summary, err
	}
	summary.Result, err = job.Run(ctx, file)
	switch r := summary.Result; {
	case err != nil:
	case r.Rows == 0 && r.Failed > 0:
		err = fmt.Errorf("none of %s is a row; is it JSON, one object a line? hydrant inspect shows what it is",
			plural(int(r.Failed), "record"))
	}
	if err != nil {
		file.Discard()
		return summary, err
	}
	summary.Written, err = file.Commit()
	return summary, err
}

// conversionJob decides the format and the columns.
func (c *command) conversionJob(ctx context.Context, f *convertFlags, inputs []convert.Input, out string) (*convert.Job, error) {
	settings := conversion.Default()
	if f.stream != "" {
		var err error
		if settings, err = c.streamConversion(f.stream); err != nil {
			return nil, err
		}
	} else if len(c.config) > 0 {
		return nil, errors.New("-c goes with --stream, which names the stream to take the conversion from")
	}
	if err := chooseOutput(settings, f, out); err != nil {
		return nil, err
	}
	table, inputs, err := c.table(ctx, settings, f, inputs)
	if err != nil {
		return nil, err
	}
	format, err := settings.FormatFor(table)
	if err != nil {
		return nil, err
	}
	return &convert.Job{Parsers: format.Parsers, Output: format.Output, Inputs: inputs}, nil
}

// streamConversion returns the conversion of a configured stream.
func (c *command) streamConversion(name string) (*conversion.Config, error) {
	config, err := c.loadConfig()
	if err != nil {
		return nil, err
	}
	for _, s := range config.Streams {
		if s.Name != name {
			continue
		}
		d, ok := s.Destination.Config.(interface{ Conversion() *conversion.Config })
		if !ok || d.Conversion() == nil {
			return nil, fmt.Errorf("stream %s has no data_format_conversion", name)
		}
		return d.Conversion(), nil
	}
	return nil, fmt.Errorf("there is no stream %q in the configuration", name)
}

// chooseOutput sets the format by --format, the stream or the name of the
// output, in this order.
func chooseOutput(settings *conversion.Config, f *convertFlags, out string) error {
	names := slices.Sorted(maps.Keys(configs.Formats))
	name := strings.ToLower(f.format)
	if name == "" && settings.Output == nil {
		switch extension := strings.ToLower(filepath.Ext(out)); extension {
		case ".pq":
			name = "parquet"
		case ".arrows", ".feather", ".ipc":
			name = "arrow"
		default:
			name = strings.TrimPrefix(extension, ".")
		}
	}
	if name != "" || settings.Output == nil {
		output, ok := configs.Formats[name]
		switch {
		case !ok && f.format != "":
			return fmt.Errorf("--format %s is not known; there are %s", f.format, strings.Join(names, ", "))
		case !ok && out == "-":
			return fmt.Errorf("standard output needs a format; add --format: %s", strings.Join(names, ", "))
		case !ok:
			return fmt.Errorf("the format of %s is not known by its name; add --format: %s", out, strings.Join(names, ", "))
		}
		settings.OutputName, settings.Output = name, output()
		if a, ok := settings.Output.(*arrow.Config); ok && strings.EqualFold(filepath.Ext(out), ".arrows") {
			a.Layout = arrow.IPCStream
		}
	}
	if f.compression == "" {
		return nil
	}
	if err := setCompression(settings.Output, f.compression); err != nil {
		return fmt.Errorf("--compression: %w", err)
	}
	return nil
}

func setCompression(o column.Output, codec string) error {
	var to encoding.TextUnmarshaler
	var names map[string]string
	switch o := o.(type) {
	case *parquet.Config:
		to, names = &o.Compression, map[string]string{"none": "UNCOMPRESSED", "lz4": "LZ4_RAW"}
	case *orc.Config:
		to, names = &o.Compression, map[string]string{"gzip": "ZLIB", "uncompressed": "NONE"}
	case *arrow.Config:
		to, names = &o.Compression, map[string]string{"uncompressed": "NONE"}
	default:
		return fmt.Errorf("%T has none to choose", o)
	}
	codec = strings.ToLower(codec)
	return to.UnmarshalText([]byte(cmp.Or(names[codec], codec)))
}

// table returns the columns: those of the flags, the stream or the records.
func (c *command) table(ctx context.Context, settings *conversion.Config, f *convertFlags, inputs []convert.Input) (*column.Schema, []convert.Input, error) {
	switch {
	case f.columns != "" && f.schemaFile != "":
		return nil, nil, errors.New("--columns and --schema both say what the columns are; leave one out")
	case f.columns != "":
		s, err := convert.ParseColumns(f.columns)
		return s, inputs, err
	case f.schemaFile != "":
		file, err := schema.ReadFile(f.schemaFile)
		if err != nil {
			return nil, nil, err
		}
		return file.Schema, inputs, nil
	}
	if s, err := settings.Columns(); s != nil || err != nil {
		return s, inputs, err
	}
	inf := schema.NewInference(f.sample)
	inf.DotsToUnderscores = settings.InputFormat.JSON.DotsToUnderscores
	s, inputs, err := convert.Infer(ctx, inputs, inf)
	if err != nil {
		return nil, nil, err
	}
	if left := inf.Left(); len(left) > 0 {
		fmt.Fprintf(c.stderr, "no column for %s\n", lines(strings.Join(left, ", ")))
	}
	return s, inputs, nil
}

// groupWords are what the format calls its groups: one, and several.
func groupWords(o column.Output) (string, string) {
	switch o.(type) {
	case *orc.Config:
		return "stripe", "stripes"
	case *arrow.Config:
		return "record batch", "record batches"
	}
	return "row group", "row groups"
}

type countedWriter struct {
	w io.Writer
	n int64
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// textFlag is a flag of a type that reads itself.
type textFlag struct{ size *field.Size }

func (t textFlag) String() string {
	if t.size == nil || *t.size == 0 {
		return ""
	}
	return t.size.String()
}
func (t textFlag) Set(s string) error { return t.size.UnmarshalText([]byte(s)) }
func (t textFlag) Type() string       { return "size" }

// completeWith offers words for a flag in the shell.
func completeWith(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}
