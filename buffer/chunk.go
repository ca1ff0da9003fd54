package buffer

import (
	"fmt"
	"time"
)

// Chunk is a run of consecutive records of one feed, back to back in one
// slice: the unit that flows through a worker. It has one owner at a time and
// is reused; what it hands out is valid until the next Reset.
//
// Each row leaves the state pending exactly once, by Deliver, Drop or Fail.
type Chunk struct {
	// Data holds the records; a feed fills it directly. Bytes between the
	// records are allowed.
	Data []byte

	first  Position
	rows   []row
	failed []failure
}

type row struct {
	start, end uint32 // in Data
	arrival    int64  // milliseconds since 1970
	state      state
}

type failure struct {
	row int
	err error
}

type state uint8

const (
	pending state = iota
	delivered
	dropped
	failed
)

func (s state) String() string {
	return [...]string{"pending", "delivered", "dropped", "failed"}[s]
}

// Reset empties the chunk; its first record will be the one at first. The
// positions of the rows follow each other from there.
func (c *Chunk) Reset(first Position) {
	c.Data, c.rows, c.failed = c.Data[:0], c.rows[:0], c.failed[:0]
	c.first = first
}

// Grow returns n more bytes of Data for a feed to fill.
func (c *Chunk) Grow(n int) []byte {
	at := len(c.Data)
	if cap(c.Data)-at < n {
		bigger := make([]byte, at, max(2*cap(c.Data), at+n))
		copy(bigger, c.Data)
		c.Data = bigger
	}
	c.Data = c.Data[:at+n]
	return c.Data[at:]
}

// Append adds the row whose record is Data[start:end].
func (c *Chunk) Append(start, end uint32, arrivalMillis int64) {
	c.rows = append(c.rows, row{start: start, end: end, arrival: arrivalMillis})
}

// AppendCopy adds a row with a copy of data: for tests and slow paths.
func (c *Chunk) AppendCopy(data []byte, arrival time.Time) {
	start := len(c.Data)
	c.Data = append(c.Data, data...)
	c.Append(uint32(start), uint32(len(c.Data)), arrival.UnixMilli())
}

// Len returns the number of rows.
func (c *Chunk) Len() int { return len(c.rows) }

// Position returns where the row stands in its feed.
func (c *Chunk) Position(row int) Position {
	return Position{Epoch: c.first.Epoch, Seq: c.first.Seq + uint64(row)}
}

// Bytes returns the record of a row.
func (c *Chunk) Bytes(row int) []byte { r := &c.rows[row]; return c.Data[r.start:r.end] }

// Span returns where in Data the record of a row starts and ends, for a writer
// that takes neighbouring records in one go.
func (c *Chunk) Span(row int) (start, end uint32) { r := &c.rows[row]; return r.start, r.end }

// ArrivalMillis returns when the row was accepted, in milliseconds since 1970.
func (c *Chunk) ArrivalMillis(row int) int64 { return c.rows[row].arrival }

// Record returns a view of the row.
func (c *Chunk) Record(row int) Record {
	return Record{Pos: c.Position(row), Arrival: time.UnixMilli(c.rows[row].arrival).UTC(), Data: c.Bytes(row)}
}

// Pending reports whether the row still has to be settled.
func (c *Chunk) Pending(row int) bool { return c.rows[row].state == pending }

// Deliver marks rows as handed over to an output of the batch.
func (c *Chunk) Deliver(rows []int) {
	for _, r := range rows {
		c.settle(r, delivered)
	}
}

// Drop marks a row as removed by a rule the user wrote.
func (c *Chunk) Drop(row int) { c.settle(row, dropped) }

// Fail sends a row to the error output. err should be a *Failure; anything
// else is reported under its text with a general code.
func (c *Chunk) Fail(row int, err error) {
	c.settle(row, failed)
	c.failed = append(c.failed, failure{row, err})
}

// Dropped reports whether the row was dropped.
func (c *Chunk) Dropped(row int) bool { return c.rows[row].state == dropped }

// Failure returns why a row failed, or nil.
func (c *Chunk) Failure(row int) error {
	for i := range c.failed {
		if c.failed[i].row == row {
			return c.failed[i].err
		}
	}
	return nil
}

// Failures calls f for every failed row, in the order they failed.
func (c *Chunk) Failures(f func(row int, err error)) {
	for _, x := range c.failed {
		f(x.row, x.err)
	}
}

// settle panics when a row is settled twice: a record would be counted, and
// perhaps delivered, twice, and there is no right way on from there.
func (c *Chunk) settle(row int, s state) {
	if was := c.rows[row].state; was != pending {
		panic(fmt.Sprintf("buffer: row %v is %v and cannot become %v", c.Position(row), was, s))
	}
	c.rows[row].state = s
}

// Failure is why a record goes to the error output, in the fields of
// Firehose's error records.
type Failure struct {
	Output   string // error-output-type: "processing-failed", "format-conversion-failed", ...
	Code     string // errorCode
	Message  string // errorMessage
	Attempts int    // attemptsMade
	// Details are further members of the error record, as JSON without braces.
	Details string
}

func (f *Failure) Error() string { return f.Code + ": " + f.Message }
