package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/internal/convert"
)

// converterCommand is what hydrant convert runs: several groups at once.
const converterCommand = "command"

// coresBenchmarks measure what a second core gains, in time. Two processes that
// do not know of each other show what there is to gain on the machine.
func coresBenchmarks(s settings) []benchmark {
	var all []benchmark
	for _, name := range corpus.Names() {
		turn := func(who string, cpus, processes int) func(context.Context) (figures, error) {
			return func(ctx context.Context) (figures, error) {
				return convertTurns(ctx, s, job{Corpus: name, Format: "parquet", Compression: "snappy", CPUs: cpus}, who, processes)
			}
		}
		all = append(all, benchmark{
			name:  "convert-cores-" + name,
			about: fmt.Sprintf("%s, a file of JSON lines to Parquet (snappy) by hydrant convert, on two CPUs", name),
			contestants: []contestant{
				{"2 CPUs", turn(converterCommand, 2, 1)},
				{"1 CPU", turn(converterCommand, 1, 1)},
				{"two of 1 CPU", turn(converterCommand, 1, 2)},
				{"duckdb, 2 CPUs", turn(converterDuckDB, 2, 1)},
			},
			goals: []goal{
				{megabytesPerSecond, "1 CPU", 1.8, 1.9},
				{megabytesPerSecond, "two of 1 CPU", 0.95, 1},
				{megabytesPerSecond, "duckdb, 2 CPUs", 0, 0},
				{megabytesPerCPU, "1 CPU", 0, 0},
				{peakMemory, "1 CPU", 0, 0},
			},
		})
	}
	return all
}

// convertJob converts as hydrant convert does.
func convertJob(out io.Writer, c job) error {
	parsers, err := column.NewParsers(&column.Schema{Columns: columnsOf(c.Corpus)}, column.Options{})
	if err != nil {
		return err
	}
	output, err := ourOutput(c.Format, c.Compression)
	if err != nil {
		return err
	}
	inputs, err := convert.Find([]string{c.Input}, os.Stdin, c.Output)
	if err != nil {
		return err
	}
	j := convert.Job{
		Parsers: parsers, Output: output, Inputs: inputs, Cores: c.CPUs, Memory: 1 << 30,
		Bad: func(b *convert.Bad) error { return b },
	}
	debug.SetMemoryLimit(j.Memory)
	_, err = j.Run(context.Background(), out)
	return err
}
