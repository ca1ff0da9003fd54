package column

import (
	"runtime/debug"
	"sync"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert"
)

// File lays out rows as a file, a group at a time: a row group of Parquet, a
// stripe of ORC. It is used by one goroutine; groups are independent of it and
// of each other until they are appended, so several can be filled at once.
type File interface {
	NewGroup() Group
	// Append writes a group and empties it, to be filled again. A group
	// without rows leaves nothing in the file.
	Append(g Group) error
	// Close ends the file. It does not close the underlying writer.
	Close() error
}

// Group is rows in the form of the file. It is used by one goroutine. The same
// rows in the same order give the same bytes, however they are divided between
// batches.
type Group interface {
	// Write adds the rows of a batch. It keeps nothing of b.
	Write(b *Batch) error
	// Buffered returns how much memory the group holds, in bytes. It is a
	// function of the rows alone.
	Buffered() int64
}

// Finisher is a Group that can do a part of File.Append's work before it, which
// groups can do at the same time.
type Finisher interface {
	// Finish encodes what is left. Append comes next, not Write.
	Finish() error
}

// Limits says when an encoder ends a group.
type Limits struct {
	Bytes int64 // Group.Buffered at which it ends
	Rows  int   // at which it ends, roughly; 0: no limit
	// Budget bounds what all encoders that share it hold. It may be nil.
	Budget *Budget
}

// checkEvery is after how many bytes of records the limits are looked at:
// bytes of records, so that the answer does not depend on the chunks.
const checkEvery = 1 << 20

// encoder turns records into a file of columns.
type encoder struct {
	parsers *Parsers
	file    File
	group   Group
	limits  Limits
	share   share
	watch   func(record []byte) // see Format.Watch

	rows  int   // in the group
	until int64 // bytes of records until the limits are looked at
}

// NewEncoder returns an encoder that parses records and gives the rows to f.
func NewEncoder(parsers *Parsers, f File, limits Limits) convert.Encoder {
	return newEncoder(parsers, f, limits)
}

func newEncoder(parsers *Parsers, f File, limits Limits) *encoder {
	return &encoder{parsers: parsers, file: f, group: f.NewGroup(), limits: limits, share: limits.Budget.join(), until: checkEvery}
}

// Append converts rows of c. Records that are no rows of the table are failed.
func (e *encoder) Append(c *buffer.Chunk, rows []int) error {
	w := e.parsers.get()
	defer func() { e.parsers.put(w) }()
	for len(rows) > 0 {
		n := 0
		for n < len(rows) && e.until > 0 {
			e.until -= int64(len(c.Bytes(rows[n])))
			n++
		}
		if err := e.append(&w, c, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
		if e.until <= 0 {
			e.until = checkEvery
			if err := e.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *encoder) append(w **worker, c *buffer.Chunk, rows []int) error {
	if e.parse(w, c, rows) {
		e.tell(c, rows, (*w).batch.New)
		return e.write(&(*w).batch)
	}
	// Something in there makes the parser panic. One by one the others pass.
	for i := range rows {
		if e.parse(w, c, rows[i:i+1]) {
			e.tell(c, rows[i:i+1], (*w).batch.New)
			if err := e.write(&(*w).batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *encoder) write(b *Batch) error {
	e.rows += b.Rows()
	return e.group.Write(b)
}

// parse reports false after a panic, with a new worker. The record is failed
// if it was the only one.
func (e *encoder) parse(w **worker, c *buffer.Chunk, rows []int) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			*w = e.parsers.get()
			if len(rows) == 1 && c.Pending(rows[0]) {
				c.Fail(rows[0], failure(malformedData, "the converter panicked, which is a defect: %v\n%s", r, debug.Stack()))
			}
		}
	}()
	(*w).parser.Parse(c, rows, &(*w).batch)
	return true
}

// tell hands over the records that the columns do not hold whole.
func (e *encoder) tell(c *buffer.Chunk, rows, news []int) {
	if e.watch == nil {
		return
	}
	for _, row := range rows {
		isNew := len(news) > 0 && news[0] == row
		if isNew {
			news = news[1:]
		}
		if isNew || !c.Pending(row) {
			e.watch(c.Bytes(row))
		}
	}
}

// check ends the group when it is large enough.
func (e *encoder) check() error {
	held := e.group.Buffered()
	e.share.set(held)
	if held < e.limits.Bytes && (e.limits.Rows == 0 || e.rows < e.limits.Rows) && !e.share.tooMuch() {
		return nil
	}
	e.rows = 0
	e.share.set(0)
	return e.file.Append(e.group)
}

// Close ends the file.
func (e *encoder) Close() error {
	e.share.leave()
	if err := e.file.Append(e.group); err != nil {
		return err
	}
	return e.file.Close()
}

// Abandon gives back what the encoder holds.
func (e *encoder) Abandon() { e.share.leave() }

// Budget is memory that encoders share. The zero value has no limit. All
// methods may be called concurrently.
type Budget struct {
	Limit int64 // bytes

	mu    sync.Mutex
	held  int64
	users int
}

// Held returns how much memory all encoders hold, in bytes.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// share is what one encoder has of a budget.
type share struct {
	budget *Budget
	held   int64
}

func (b *Budget) join() share {
	if b != nil {
		b.mu.Lock()
		b.users++
		b.mu.Unlock()
	}
	return share{budget: b}
}

func (s *share) set(held int64) {
	if s.budget == nil {
		return
	}
	s.budget.mu.Lock()
	s.budget.held += held - s.held
	s.budget.mu.Unlock()
	s.held = held
}

// tooMuch reports whether the budget is exceeded and this encoder holds no
// less than the others on average: then it is the one to give some back.
func (s *share) tooMuch() bool {
	b := s.budget
	if b == nil || b.Limit == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held > b.Limit && s.held*int64(b.users) >= b.held
}

func (s *share) leave() {
	if s.budget == nil {
		return
	}
	s.set(0)
	s.budget.mu.Lock()
	s.budget.users--
	s.budget.mu.Unlock()
	s.budget = nil
}
