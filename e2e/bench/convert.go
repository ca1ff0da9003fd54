package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/e2e/readers"
	"github.com/hydrant-dev/hydrant/e2e/tools"
)

var (
	fileSize    = metric{"size of the file", "MB", true}
	rowsWritten = metric{"rows in each file", "rows", false}
	peakMemory  = metric{"memory, highest", "MiB", true}
)

// groupRows is how many rows everybody puts into a row group of Parquet.
const groupRows = 122_880

// The contestants.
const (
	converterOurs       = "hydrant"
	converterDuckDB     = "duckdb"
	converterClickHouse = "clickhouse"
	converterGeneric    = "generic"
	converterArrow      = "arrow 15"
)

// target is what records are converted to.
type target struct {
	name        string // of the benchmark, without the corpus
	format      string // parquet or orc
	compression string // as clickhouse calls it
	peers       []string
	// goals by corpus and peer, of MB/CPU-s: floor and stretch.
	goals map[string]map[string][2]float64
	// sizes compares the size of files with a peer's.
	sizes      string
	sizeGoals  [2]float64
	everywhere map[string][2]float64 // goals of every corpus
}

var targets = []target{
	{
		name: "convert-parquet", format: "parquet", compression: "snappy",
		peers: []string{converterDuckDB, converterClickHouse, converterGeneric, converterArrow},
		goals: map[string]map[string][2]float64{
			"clicks": {converterDuckDB: {2.4, 3}}, "github": {converterDuckDB: {2.4, 3}}, "sensors": {converterDuckDB: {1.8, 2.2}},
		},
		everywhere: map[string][2]float64{converterClickHouse: {2, 3}, converterGeneric: {8, 17}, converterArrow: {}},
		sizes:      converterDuckDB, sizeGoals: [2]float64{1.05, 1},
	},
	{
		name: "convert-zstd", format: "parquet", compression: "zstd",
		peers:      []string{converterDuckDB, converterClickHouse},
		everywhere: map[string][2]float64{converterDuckDB: {1.6, 2}, converterClickHouse: {}},
		sizes:      converterDuckDB, sizeGoals: [2]float64{1.02, 1},
	},
	{
		name: "convert-orc", format: "orc", compression: "snappy",
		peers:      []string{converterClickHouse},
		everywhere: map[string][2]float64{converterClickHouse: {1.8, 2.2}},
		sizes:      converterClickHouse,
	},
	{
		name: "convert-orczlib", format: "orc", compression: "zlib",
		peers:      []string{converterClickHouse},
		everywhere: map[string][2]float64{converterClickHouse: {2, 3}},
		sizes:      converterClickHouse, sizeGoals: [2]float64{1, 1},
	},
}

// convertBenchmarks measure files of records to files of columns, and every
// contestant in a process of its own.
func convertBenchmarks(s settings) []benchmark {
	var all []benchmark
	for _, t := range targets {
		for _, name := range corpus.Names() {
			b := benchmark{
				name: t.name + "-" + name,
				about: fmt.Sprintf("%s, a file of JSON lines to %s (%s), one CPU",
					name, map[string]string{"parquet": "Parquet", "orc": "ORC"}[t.format], t.compression),
			}
			for _, who := range append([]string{converterOurs}, t.peers...) {
				b.contestants = append(b.contestants, contestant{who, func(ctx context.Context) (figures, error) {
					return convertTurn(ctx, s, job{Corpus: name, Format: t.format, Compression: t.compression, CPUs: 1}, who)
				}})
			}
			for _, peer := range t.peers {
				g, ok := t.goals[name][peer]
				if !ok {
					g = t.everywhere[peer]
				}
				b.goals = append(b.goals, goal{megabytesPerCPU, peer, g[0], g[1]})
			}
			b.goals = append(b.goals, goal{fileSize, t.sizes, t.sizeGoals[0], t.sizeGoals[1]}, goal{peakMemory, t.sizes, 0, 0}, goal{rowsWritten, "", 0, 0})
			all = append(all, b)
		}
	}
	return all
}

// job is what a child is told.
type job struct {
	Corpus      string
	Format      string
	Compression string
	CPUs        int
	Input       string
	Output      string
	// What peers need to know of the table, in their words.
	Columns   map[string]string `json:",omitempty"` // of DuckDB
	Structure string            `json:",omitempty"` // of ClickHouse
}

// converted is what a child answers.
type converted struct {
	CPU    float64 // seconds, by user and system, without starting up
	Wall   float64 // seconds
	Memory int64   // bytes, the highest ever
}

// convertTurn lets one contestant convert a corpus, and counts what it wrote.
func convertTurn(ctx context.Context, s settings, c job, who string) (figures, error) {
	return convertTurns(ctx, s, c, who, 1)
}

// convertTurns lets so many processes of a contestant do the same at the same
// time. The speed is that of all of them. The slowest peers have a quarter of the
// input: they hardly gain by more.
func convertTurns(ctx context.Context, s settings, c job, who string, processes int) (figures, error) {
	size := s.corpus
	if who == converterGeneric || who == converterArrow {
		size /= 4
	}
	input, records, size, err := corpusFile(s, c.Corpus, size)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "convert-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c.Input = input
	columns := columnsOf(c.Corpus)
	c.Columns, c.Structure = duckdbColumns(columns), clickhouseStructure(columns)

	t := &borrowed{dir: s.dir}
	defer t.end()
	if err := readOnce(input); err != nil {
		return nil, err
	}
	var all errgroup.Group
	took, outputs := make([]converted, processes), make([]string, processes)
	for i := range processes {
		var cmd *exec.Cmd
		if err := t.try(func() { cmd = convertCommand(ctx, t, who) }); err != nil {
			return nil, err
		}
		if s.profile != "" {
			cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s", envProfile, filepath.Join(s.profile, fmt.Sprintf("convert-%s-%s-%s.prof", c.Format, c.Compression, c.Corpus))))
		}
		c := c
		c.Output = filepath.Join(dir, fmt.Sprintf("out-%d.%s", i, c.Format))
		outputs[i] = c.Output
		all.Go(func() (err error) {
			took[i], err = ask(cmd, c)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	f, slowest, cpu := figures{}, 0.0, 0.0
	for i, output := range outputs {
		var count int64
		var err error
		if failed := t.try(func() { count, err = readers.PyArrow(t).Count(output) }); failed != nil {
			return nil, failed
		}
		if err != nil {
			return nil, err
		}
		if count != records {
			return nil, fmt.Errorf("the file has %d rows, want %d", count, records)
		}
		info, err := os.Stat(output)
		if err != nil {
			return nil, err
		}
		slowest, cpu = max(slowest, took[i].Wall), cpu+took[i].CPU
		f[fileSize] = float64(info.Size()) / 1e6
		f[peakMemory] += float64(took[i].Memory) / (1 << 20)
		f[rowsWritten] = float64(count)
	}
	f[megabytesPerCPU] = float64(processes) * float64(size) / 1e6 / cpu
	f[megabytesPerSecond] = float64(processes) * float64(size) / 1e6 / slowest
	return f, nil
}

// readOnce brings a file into the page cache, which may have given it up since
// the last turn: else the first contestant would read it for the others.
func readOnce(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(io.Discard, file)
	return err
}

// convertCommand makes the process of a contestant.
func convertCommand(ctx context.Context, t *borrowed, who string) *exec.Cmd {
	node := func(script string, packages ...string) *exec.Cmd {
		modules := tools.NPM(t, packages...)
		cmd := exec.CommandContext(ctx, "node", "-e", script)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(modules, "node_modules"))
		return cmd
	}
	switch who {
	case converterDuckDB:
		return node(duckdbScript, readers.DuckDBPackage)
	case converterClickHouse:
		return node(clickhouseScript, readers.ClickHousePackage)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, "convert", who)
	cmd.Env = os.Environ()
	return cmd
}

// ask runs a child that reads what to do from standard input and writes how
// long it took to standard output.
func ask(cmd *exec.Cmd, c job) (converted, error) {
	question, err := json.Marshal(c)
	if err != nil {
		return converted{}, err
	}
	cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", c.CPUs))
	cmd.Stdin = strings.NewReader(string(question))
	var errorText strings.Builder
	cmd.Stderr = &errorText
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	answer, err := cmd.Output()
	if err != nil {
		return converted{}, fmt.Errorf("%w\n%s", err, &errorText)
	}
	var took converted
	if err := json.Unmarshal(answer, &took); err != nil {
		return converted{}, fmt.Errorf("read answer %.200q: %w\n%s", answer, err, &errorText)
	}
	return took, nil
}

// corpusFile makes an input of so many bytes or a little more once, and returns
// how many records and bytes it has.
func corpusFile(s settings, name string, least int64) (path string, records, size int64, err error) {
	path = filepath.Join(s.dir, fmt.Sprintf("%s-%d.json", name, least))
	counts := path + ".count"
	if text, err := os.ReadFile(counts); err == nil {
		_, err := fmt.Sscan(string(text), &records, &size)
		return path, records, size, err
	}
	file, err := os.Create(path)
	if err != nil {
		return "", 0, 0, err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	var record []byte
	for c := corpus.New(name, 1); size < least; records++ {
		record = append(c.Append(record[:0]), '\n')
		if _, err := out.Write(record); err != nil {
			return "", 0, 0, err
		}
		size += int64(len(record))
	}
	err = errors.Join(out.Flush(), os.WriteFile(counts, fmt.Appendf(nil, "%d %d", records, size), 0o600))
	return path, records, size, err
}

// columnsOf returns the table of a corpus. The time of a sensor is a plain
// number for everybody: not all of them read a number as a time.
func columnsOf(name string) []column.Field {
	var fields []column.Field
	for _, c := range corpus.Columns(name) {
		if name == "sensors" && c.Name == "ts" {
			c.Type = "bigint"
		}
		t, err := column.ParseType(c.Type)
		if err != nil {
			panic(fmt.Sprintf("bench: %s of %s: %v", c.Name, name, err))
		}
		fields = append(fields, column.Field{Name: c.Name, Type: t})
	}
	return fields
}
