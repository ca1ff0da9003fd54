package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// decodeBenchmark measures reading a request, without HTTP around it. The
// scanner is not exported, so that this runs BenchmarkDecode of package
// firehose, where encoding/json stands beside it.
func decodeBenchmark(s settings) benchmark {
	binary := filepath.Join(s.dir, "firehose.test")
	turn := func(name string) func(context.Context) (figures, error) {
		return func(ctx context.Context) (figures, error) { return decodeTurn(ctx, s, binary, name) }
	}
	return benchmark{
		name:  "decode-500x1",
		about: "a PutRecordBatch body of 500 records of 1 kB to records, one CPU",
		contestants: []contestant{
			{"hydrant", turn("scanner")},
			{"encoding/json", turn("encoding-json")},
		},
		goals: []goal{{recordsPerCPU, "encoding/json", 25, 44}},
	}
}

var decodeFigure = regexp.MustCompile(`([0-9.e+]+) records/CPU-s`)

func decodeTurn(ctx context.Context, s settings, binary, name string) (figures, error) {
	if err := build(ctx, binary, "./source/firehose", "test", "-c"); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.cpu=1", "-test.benchtime="+s.duration.String(),
		"-test.bench=^BenchmarkDecode$/^"+name+"$/^compact$")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run benchmark: %w\n%s", err, out)
	}
	found := decodeFigure.FindSubmatch(out)
	if found == nil {
		return nil, fmt.Errorf("run benchmark: no figure in\n%s", out)
	}
	perCPU, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return nil, fmt.Errorf("run benchmark: %w", err)
	}
	return figures{recordsPerCPU: perCPU}, nil
}
