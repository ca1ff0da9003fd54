package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/hydrant-dev/hydrant/internal/heap"
)

// convertChild is a contestant written in Go: it reads what to do from
// standard input, does it, and writes how long it took.
func convertChild(who string) (err error) {
	var c job
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	if file := os.Getenv(envProfile); file != "" && who == converterOurs {
		out, err := os.Create(file)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if who != converterCommand { // as the product does; the command has a limit instead
		go heap.Tune(ctx)
	}
	before, begun := ownCPU(), time.Now()
	if err := convertFile(who, c); err != nil {
		return err
	}
	took := converted{CPU: (ownCPU() - before).Seconds(), Wall: time.Since(begun).Seconds()}
	if took.Memory, err = ownPeak(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(took)
}

func convertFile(who string, c job) (err error) {
	in, err := os.Open(c.Input)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(c.Output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	switch who {
	case converterOurs:
		return convertOurs(in, out, c)
	case converterCommand:
		return convertJob(out, c)
	case converterGeneric:
		return convertGeneric(in, out, columnsOf(c.Corpus), c.Compression)
	case converterArrow:
		return convertArrow(in, out, columnsOf(c.Corpus), c.Compression)
	}
	return fmt.Errorf("convert: unknown contestant %q", who)
}
