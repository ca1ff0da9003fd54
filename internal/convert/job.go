// Package convert turns files of JSON records into one file of columns, with
// the encoder that streams use and on several cores at once.
//
// The input is cut at line ends into parts. Any worker takes the next part,
// fills groups of its own with its rows, and whoever finishes the part whose
// turn it is appends what is ready. Where parts and groups end depends on the
// input and the settings alone, so that the output has the same bytes on any
// number of cores.
package convert

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
)

// MaxRecord is the largest record in bytes: a limit of Firehose's.
const MaxRecord = 32 << 20

const (
	// usualPart is how many bytes of records make a group, unless rows or
	// memory ask for fewer: 64 MiB of JSON are 10 to 20 MiB of Parquet.
	usualPart = 64 << 20
	// largestPart bounds a part that ends after so many rows.
	largestPart = 1 << 30
)

// Job is one conversion.
type Job struct {
	Parsers *column.Parsers
	Output  column.Output
	Inputs  []Input
	// Cores is how many parts are worked on at a time.
	Cores int
	// Memory is what the conversion may hold, in bytes. GroupMemory is as much
	// of it as groups are cut by, 0 for all: it must not depend on the machine
	// if the bytes of the output must not.
	Memory, GroupMemory int64
	// GroupRows is how many lines make a group; 0: as many as the output's
	// settings or 64 MiB of records make. Memory may make it fewer.
	GroupRows int
	// Bad is told about each record that failed, in the order of the input.
	// An error ends the job. It may be nil.
	Bad func(*Bad) error

	done counters
}

// Bad is a record that failed.
type Bad struct {
	Input   string // its name
	Number  int    // of the input, from 1
	Line    int64  // from 1
	Failure *buffer.Failure
	Record  []byte // valid during the call; its beginning, if it is longer than MaxRecord
}

func (b *Bad) Error() string { return fmt.Sprintf("%s:%d: %s", b.Input, b.Line, b.Failure.Message) }

// Result says what a job did.
type Result struct {
	Rows   int64 // written
	Failed int64 // records that failed
	Bytes  int64 // of records, after decompression
	Groups int64 // row groups, stripes or record batches; those without rows are not written
}

// Progress is how far a job is.
type Progress struct {
	Rows, Failed int64
	Bytes        int64 // read from the inputs, before decompression
}

type counters struct{ rows, failed, bytes atomic.Int64 }

// Progress may be called while Run runs.
func (j *Job) Progress() Progress {
	return Progress{Rows: j.done.rows.Load(), Failed: j.done.failed.Load(), Bytes: j.done.bytes.Load()}
}

// run is what the workers of a job share.
type run struct {
	job    *Job
	limits column.Limits
	room   *room

	in struct { // who holds the lock takes the next part
		sync.Mutex
		cutter cutter
		number int // of the next part
	}
	out struct { // who holds the lock appends to the file
		sync.Mutex
		file   column.File
		number int           // of the part whose turn it is
		done   map[int]*part // finished before their turn
		input  int           // of the last line, from 1
		lines  int64         // of that input
		result Result
	}
	// idle are groups that were written. The file knows its groups as long as
	// it is open, so none may be forgotten here, as a sync.Pool would.
	idle struct {
		sync.Mutex
		groups []column.Group
	}
}

// Run converts the inputs and writes the file to w, which it does not close.
// When ctx is done, it returns soon, and what it wrote is no file.
func (j *Job) Run(ctx context.Context, w io.Writer) (Result, error) {
	file, err := j.Output.NewFile(w, j.Parsers.Schema())
	if err != nil {
		return Result{}, fmt.Errorf("start output: %w", err)
	}
	cores := max(1, j.Cores)
	r := &run{job: j, limits: j.limits()}
	r.in.cutter = j.cutter()
	defer r.in.cutter.close()
	r.room = newRoom(j.Memory/4*3, r.in.cutter.memory(), min(usualPart, j.partSize()), cores)
	r.out.file, r.out.done = file, map[int]*part{}

	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, r.room.wake)()
	for range cores {
		group.Go(func() error { return r.work(ctx) })
	}
	if err := group.Wait(); err != nil {
		return r.out.result, err
	}
	return r.out.result, file.Close()
}

// cutter returns what cuts the inputs into parts: where that can be said
// beforehand, workers read them on their own.
func (j *Job) cutter() cutter {
	size := j.partSize()
	if parts := divide(j.Inputs, size); parts != nil && j.GroupRows == 0 {
		return &ranges{parts: parts, read: &j.done.bytes}
	}
	return &stream{reader: reader{sections: whole(j.Inputs), read: &j.done.bytes}, size: size, rows: j.GroupRows}
}

// partSize is how many bytes of records make a part. An even number of parts
// of one size keeps cores busy to the end.
func (j *Job) partSize() int64 {
	if j.GroupRows > 0 { // they decide
		return max(1<<20, min(largestPart, j.groupMemory()/4))
	}
	size := max(1<<20, min(usualPart, j.groupMemory()/16))
	if total := Size(j.Inputs); total > size {
		pairs := (total + 2*size - 1) / (2 * size)
		size = (total + 2*pairs - 1) / (2 * pairs)
	}
	return size
}

func (j *Job) groupMemory() int64 {
	return cmp.Or(j.GroupMemory, j.Memory)
}

// limits ends a group within a part when it takes more memory than its share,
// or has as many rows as the settings say.
func (j *Job) limits() column.Limits {
	limits := j.Output.Limits()
	most := max(1<<20, j.groupMemory()/8)
	if limits.Bytes > 0 {
		most = min(most, limits.Bytes)
	}
	if j.GroupRows > 0 {
		limits.Rows = 0
	}
	return column.Limits{Bytes: most, Rows: limits.Rows}
}

// work converts parts until there are no more.
func (r *run) work(ctx context.Context) error {
	w := worker{run: r}
	for {
		p, err := r.next(ctx)
		if p == nil || err != nil {
			return err
		}
		if err := w.convert(ctx, p); err != nil {
			return err
		}
		if err := r.finish(p); err != nil {
			return err
		}
	}
}

// next takes the next part, or returns nil if there are no more. It waits
// until there is memory for it.
func (r *run) next(ctx context.Context) (*part, error) {
	if err := r.room.enter(ctx); err != nil {
		return nil, err
	}
	r.in.Lock()
	defer r.in.Unlock()
	lines, err := r.in.cutter.next(ctx)
	if lines == nil || err != nil {
		r.room.abandon()
		return nil, err
	}
	p := &part{number: r.in.number, lines: lines}
	r.in.number++
	return p, nil
}

// finish appends the part if it is its turn, and those behind it that waited.
func (r *run) finish(p *part) error {
	r.out.Lock()
	defer r.out.Unlock()
	r.out.done[p.number] = p
	for {
		p := r.out.done[r.out.number]
		if p == nil {
			return nil
		}
		delete(r.out.done, r.out.number)
		r.out.number++
		if err := r.append(p); err != nil {
			return err
		}
	}
}

func (r *run) append(p *part) error {
	for _, g := range p.groups {
		if err := r.out.file.Append(g); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		r.idle.Lock()
		r.idle.groups = append(r.idle.groups, g)
		r.idle.Unlock()
	}
	r.room.leave(p.held)
	result := &r.out.result
	result.Rows += p.rows
	result.Groups += int64(len(p.groups))
	result.Bytes += p.bytes
	result.Failed += int64(len(p.bad))
	r.job.done.rows.Add(p.rows)
	r.job.done.failed.Add(int64(len(p.bad)))
	for i := range p.bad {
		if p.bad[i].Number == r.out.input { // its lines were counted from the start of the part
			p.bad[i].Line += r.out.lines
		}
		if r.job.Bad == nil {
			continue
		}
		if err := r.job.Bad(&p.bad[i]); err != nil {
			return err
		}
	}
	input, lines := p.lines.last()
	if input == r.out.input {
		lines += r.out.lines
	}
	r.out.input, r.out.lines = input, lines
	return nil
}

// takeGroup returns an empty group.
func (r *run) takeGroup() column.Group {
	if g := r.idleGroup(); g != nil {
		return g
	}
	r.out.Lock() // the file belongs to who holds it
	defer r.out.Unlock()
	return r.out.file.NewGroup()
}

func (r *run) idleGroup() column.Group {
	r.idle.Lock()
	defer r.idle.Unlock()
	last := len(r.idle.groups) - 1
	if last < 0 {
		return nil
	}
	g := r.idle.groups[last]
	r.idle.groups = r.idle.groups[:last]
	return g
}
