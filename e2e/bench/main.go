// Command bench measures hydrant against yardsticks: what others would use,
// or would write, for the same work on the same machine in the same minutes.
//
//	go run . [flags] [name ...]
//
// It runs on Linux, on the loopback network and in a temporary directory. A
// name selects all benchmarks that begin with it. The figures go to standard
// output, progress to standard error; the exit code is 1 when a floor is
// missed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		exit(serve(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "convert" {
		exit(convertChild(os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(bench(ctx))
}

func exit(err error) {
	switch {
	case err == nil:
		os.Exit(0)
	case errors.Is(err, errMissed):
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(2)
}

var errMissed = errors.New("a floor was missed")

// settings are what the command line says.
type settings struct {
	dir      string // for everything on disk; on the disk to be measured
	rounds   int
	duration time.Duration // of one turn
	payload  int64         // bytes, of one turn end to end
	backlog  int64         // bytes, in the buffer before a restart
	corpus   int64         // bytes, of a file to convert
	rows     int           // of one turn into a table
	profile  string        // directory for CPU profiles of our turns; empty: none
}

func bench(ctx context.Context) error {
	s := settings{}
	flag.StringVar(&s.dir, "dir", "", "directory on the disk to be measured (default: the system's for temporary files)")
	flag.IntVar(&s.rounds, "rounds", 5, "turns each contestant has; the figures are medians")
	flag.DurationVar(&s.duration, "time", 1500*time.Millisecond, "length of one turn")
	flag.Int64Var(&s.payload, "payload", 300e6, "bytes of records in one turn end to end")
	flag.Int64Var(&s.backlog, "backlog", 1<<30, "bytes in the buffer before the restart of the memory benchmark")
	flag.Int64Var(&s.corpus, "corpus", 524e6, "bytes of a file to convert")
	flag.IntVar(&s.rows, "rows", 500_000, "rows of one turn into a table")
	quick := flag.Bool("quick", false, "two turns on little data, unless other flags say otherwise: whether it works, not how fast it is")
	flag.StringVar(&s.profile, "profile", "", "write CPU profiles of our turns to this directory")
	asJSON := flag.Bool("json", false, "print the figures as JSON")
	list := flag.Bool("list", false, "print the names and stop")
	flag.Parse()
	if *quick {
		err := unlessSet(map[string]string{"rounds": "2", "time": "200ms", "payload": "10000000", "backlog": "16777216", "corpus": "5000000", "rows": "20000"})
		if err != nil {
			return err
		}
	}

	dir, err := os.MkdirTemp(s.dir, "hydrant-bench-")
	if err != nil {
		return fmt.Errorf("make working directory: %w", err)
	}
	defer os.RemoveAll(dir)
	s.dir = dir

	chosen := choose(benchmarks(s), flag.Args())
	if len(chosen) == 0 {
		return fmt.Errorf("no benchmark begins with %s: -list prints the names", strings.Join(flag.Args(), " or "))
	}
	if *list {
		for _, b := range chosen {
			fmt.Printf("%-23s %s\n", b.name, b.about)
		}
		return nil
	}
	r := report{Machine: machine(s.dir), Rounds: s.rounds, Started: time.Now().UTC()}
	for _, b := range chosen {
		rows, failed := b.run(ctx, s.rounds, s.profile)
		if failed != nil { // the others are worth a run all the same
			err = errors.Join(err, fmt.Errorf("run %s: %w", b.name, failed))
		}
		if ctx.Err() != nil {
			return err
		}
		r.Rows = append(r.Rows, rows...)
	}
	if *asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = errors.Join(err, out.Encode(r))
	} else {
		err = errors.Join(err, r.print(os.Stdout))
	}
	if err == nil && r.missed() {
		err = errMissed
	}
	return err
}

// unlessSet gives flags values that the command line does not give them.
func unlessSet(values map[string]string) error {
	flag.Visit(func(f *flag.Flag) { delete(values, f.Name) })
	for name, v := range values {
		if err := flag.Set(name, v); err != nil {
			return fmt.Errorf("set -%s: %w", name, err)
		}
	}
	return nil
}

// benchmarks lists all of them, in the order they run.
func benchmarks(s settings) []benchmark {
	var all []benchmark
	all = append(all, appendBenchmarks(s)...)
	all = append(all, decodeBenchmark(s))
	all = append(all, ingestBenchmarks(s)...)
	all = append(all, gzipBenchmarks(s)...)
	all = append(all, bulkBenchmark(s))
	all = append(all, bodiesBenchmarks(s)...)
	all = append(all, copyBenchmark(s))
	all = append(all, convertBenchmarks(s)...)
	all = append(all, coresBenchmarks(s)...)
	all = append(all, deliveryBenchmarks(s)...)
	all = append(all, memoryBenchmark(s))
	return all
}

func choose(all []benchmark, prefixes []string) []benchmark {
	if len(prefixes) == 0 {
		return all
	}
	var chosen []benchmark
	for _, b := range all {
		for _, p := range prefixes {
			if strings.HasPrefix(b.name, p) {
				chosen = append(chosen, b)
				break
			}
		}
	}
	return chosen
}
