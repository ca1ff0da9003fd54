package postgres

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
)

// chunkSize is how many bytes of records are parsed at once.
const chunkSize = 512 << 10

// rows reads records of a payload as binary COPY. It belongs to a connection
// and is reused. Records that the table would not take are left out and noted.
type rows struct {
	// The client library reads in a goroutine that it does not wait for when
	// the connection breaks. It must find the rows closed, not half reset.
	mu   sync.Mutex
	open bool

	target  *target
	parser  *column.Parser
	encode  *encoder
	payload *sinks.Payload
	refused []bool // by row of the payload; what is set is left out
	items   []sinks.Item
	ordered bool // each row ends with its number

	next, end int // rows of the payload that are not read yet
	ended     bool
	sent      []int32 // the record of each row of the table that was sent

	chunk buffer.Chunk
	of    []int32 // the row of the payload for each row of the chunk
	list  []int   // rows of the chunk to be parsed
	batch column.Batch
	out   []byte
	at    int // how much of out was read
}

var errClosedRows = errors.New("the copy is over")

// prepare gets ready for a payload.
func (r *rows) prepare(t *target, p *sinks.Payload, ordered bool) {
	if r.target != t {
		r.target, r.parser, r.encode = t, t.parser(), newEncoder(t)
		r.batch = column.Batch{}
	}
	r.payload, r.ordered = p, ordered
	r.refused = slices.Grow(r.refused[:0], len(p.Seqs))[:len(p.Seqs)]
	clear(r.refused)
	r.items = r.items[:0]
}

// start begins to read the rows from to end of the payload.
func (r *rows) start(from, end int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next, r.end, r.ended, r.open = from, end, false, true
	r.sent = r.sent[:0]
	r.out, r.at = append(r.out[:0], copyHeader...), 0
}

// stop ends reading. After it nobody but the caller uses r.
func (r *rows) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = false
}

// Read returns the next bytes of the copy.
func (r *rows) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.at == len(r.out) {
		switch {
		case !r.open:
			return 0, errClosedRows
		case r.ended:
			return 0, io.EOF
		}
		r.out, r.at = r.out[:0], 0
		if r.next == r.end {
			r.out, r.ended = append(r.out, copyTrailer...), true
		} else if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// refuse notes that the table does not take a record.
func (r *rows) refuse(row int, code, message string) {
	r.refused[row] = true
	r.items = append(r.items, sinks.Item{Row: row, Kind: sinks.BadRecord, Code: code, Message: message})
}

// fill encodes some more records.
func (r *rows) fill() error {
	if err := r.load(); err != nil {
		return err
	}
	if r.encodeRows(r.list) {
		return nil
	}
	for i := range r.list { // the others shall pass
		r.encodeRows(r.list[i : i+1])
	}
	return nil
}

// load reads records into the chunk.
func (r *rows) load() error {
	p := r.payload
	start := int64(0)
	if r.next > 0 {
		start = p.Ends[r.next-1]
	}
	last := r.next + 1
	for last < r.end && p.Ends[last]-start <= chunkSize {
		last++
	}
	r.chunk.Reset(buffer.Position{Seq: p.Seqs[r.next]})
	r.of, r.list = r.of[:0], r.list[:0]
	if n, err := p.Body.ReadAt(r.chunk.Grow(int(p.Ends[last-1]-start)), start); n < len(r.chunk.Data) {
		return fmt.Errorf("read spool file: %w", err)
	}
	at := start
	for ; r.next < last; r.next++ {
		if !r.refused[r.next] {
			r.list = append(r.list, len(r.list))
			r.of = append(r.of, int32(r.next))
			r.chunk.Append(uint32(at-start), uint32(p.Ends[r.next]-start)-1, 0) // without the end of the line
		}
		at = p.Ends[r.next]
	}
	return nil
}

// encodeRows parses and encodes rows of the chunk. It reports false, without
// having encoded any, when they have to come one by one.
func (r *rows) encodeRows(list []int) (ok bool) {
	if !r.parse(list) {
		return false
	}
	records := r.pending(list)
	rows := r.batch.Rows()
	if rows != len(records) && len(records) > 1 {
		return false // a record holds several objects
	}
	r.encode.begin(&r.batch)
	if len(records) == 1 {
		r.several(int(r.of[records[0]]), rows)
		return true
	}
	for _, row := range records {
		r.append(int(r.of[row]))
	}
	return true
}

// append encodes the next row of the batch, for a record.
func (r *rows) append(record int) (ok bool) {
	before := len(r.out)
	r.out = r.encode.next(r.out, int64(len(r.sent)), r.ordered)
	if len(r.out) == before {
		r.refuse(record, r.encode.bad.code, r.encode.bad.message)
		return false
	}
	r.sent = append(r.sent, int32(record))
	return true
}

// several encodes the rows of one record: all, or none if one is bad.
func (r *rows) several(record, rows int) {
	out, sent := len(r.out), len(r.sent)
	for range rows {
		if !r.append(record) {
			r.out, r.sent = r.out[:out], r.sent[:sent]
			return
		}
	}
}

// pending notes which records the parser failed, and returns the others.
func (r *rows) pending(list []int) []int {
	failed := false
	r.chunk.Failures(func(row int, err error) {
		failed = true
		if record := int(r.of[row]); !r.refused[record] {
			why := unparsed(err)
			r.refuse(record, why.code, why.message)
		}
	})
	if !failed {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(row int) bool { return !r.chunk.Pending(row) })
}

// unparsed says what the server would say about a record that is no row.
func unparsed(err error) refusal {
	var f *buffer.Failure
	if !errors.As(err, &f) {
		return refusal{"22P02", err.Error()}
	}
	message := strings.TrimPrefix(f.Message, "Data does not match the schema: ")
	switch {
	case strings.HasSuffix(f.Code, ".ParseError"):
		return refusal{"22032", message}
	case strings.Contains(message, " is out of the range of "):
		return refusal{"22003", message}
	}
	return refusal{"22P02", message}
}

// parse reports false after a panic of the parser, which would be a defect. The
// record is refused if it was the only one.
func (r *rows) parse(list []int) (ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			r.parser = r.target.parser()
			r.batch = column.Batch{}
			if len(list) == 1 && !r.refused[r.of[list[0]]] {
				r.refuse(int(r.of[list[0]]), "XX000", fmt.Sprintf("the parser panicked, which is a defect: %v\n%s", cause, debug.Stack()))
			}
		}
	}()
	r.parser.Parse(&r.chunk, list, &r.batch)
	return true
}
