package main

import (
	"compress/gzip"
	"context"
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/convert/raw"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
)

var shrinkage = metric{"ratio of sizes", "in/out", false}

// gzipBenchmarks measure the path of raw records into a GZIP object, from the
// chunk to the compressed bytes.
func gzipBenchmarks(s settings) []benchmark {
	var all []benchmark
	for _, name := range corpus.Names() {
		floors := map[string][2][2]float64{ // against level 1 and level 6: floor, stretch
			"clicks":  {{1.8, 2.0}, {3.5, 4.4}},
			"github":  {{1.8, 1.8}, {3.5, 3.8}},
			"sensors": {{1.8, 1.95}, {3.5, 8.6}},
		}[name]
		all = append(all, benchmark{
			name:  "gzip-" + name,
			about: "records of " + name + " to a GZIP object of lines, in memory",
			contestants: []contestant{
				{"hydrant", func(context.Context) (figures, error) { return gzipTurn(s, name, newOurGzip()) }},
				{"stdlib 1", func(context.Context) (figures, error) { return gzipTurn(s, name, newTheirGzip(gzip.BestSpeed)) }},
				{"stdlib 6", func(context.Context) (figures, error) { return gzipTurn(s, name, newTheirGzip(6)) }},
			},
			goals: []goal{
				{megabytesPerCPU, "stdlib 1", floors[0][0], floors[0][1]},
				{megabytesPerCPU, "stdlib 6", floors[1][0], floors[1][1]},
				{shrinkage, "stdlib 1", 1, 1},
				{shrinkage, "stdlib 6", 0, 0},
			},
		})
	}
	return all
}

// objectWriter makes one object of chunks.
type objectWriter func(w io.Writer, chunks []buffer.Chunk) error

func newOurGzip() objectWriter {
	pool := compress.NewPool(compress.GZIP)
	return func(w io.Writer, chunks []buffer.Chunk) error {
		z, err := pool.Writer(w, "")
		if err != nil {
			return err
		}
		e, err := raw.Format{Delimiter: raw.Newline}.NewEncoder(z)
		if err != nil {
			return err
		}
		var rows []int
		for i := range chunks {
			rows = rows[:0]
			for row := range chunks[i].Len() {
				rows = append(rows, row)
			}
			if err := e.Append(&chunks[i], rows); err != nil {
				return err
			}
		}
		if err := e.Close(); err != nil {
			return err
		}
		return z.Close()
	}
}

// newTheirGzip is the same with compress/gzip and no ado.
func newTheirGzip(level int) objectWriter {
	return func(w io.Writer, chunks []buffer.Chunk) error {
		z, err := gzip.NewWriterLevel(w, level)
		if err != nil {
			return err
		}
		var line []byte
		for i := range chunks {
			for row := range chunks[i].Len() {
				line = append(append(line[:0], chunks[i].Bytes(row)...), '\n')
				if _, err := z.Write(line); err != nil {
					return err
				}
			}
		}
		return z.Close()
	}
}

// gzipTurn writes objects of 16 MB until the time is over.
func gzipTurn(s settings, name string, write objectWriter) (figures, error) {
	const size = 16e6
	chunks := chunksOf(corpus.New(name, 1).Records(size))
	var in, out, begun = int64(0), counter(0), ownCPU()
	for ownCPU()-begun < s.duration {
		if err := write(&out, chunks); err != nil {
			return nil, err
		}
		in += size
	}
	spent := ownCPU() - begun
	return figures{
		megabytesPerCPU: float64(in) / 1e6 / spent.Seconds(),
		shrinkage:       float64(in) / float64(out),
	}, nil
}

// chunksOf divides records as a feed does.
func chunksOf(records [][]byte) []buffer.Chunk {
	chunks := []buffer.Chunk{{}}
	for _, r := range records {
		last := &chunks[len(chunks)-1]
		if len(last.Data) > 512<<10 {
			chunks = append(chunks, buffer.Chunk{})
			last = &chunks[len(chunks)-1]
		}
		start := len(last.Data)
		last.Data = append(last.Data, r...)
		last.Append(uint32(start), uint32(len(last.Data)), 0)
	}
	return chunks
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
