// Package buffer holds the words everything else is built from (records,
// chunks, plans, feeds) and the local log, which keeps accepted records on
// disk until they are settled.
//
// A record's way: a door calls [Appender.Append] and answers its producer
// when that returns; a worker follows the [Feed], makes a [Plan] durable
// before anything can be seen from outside, delivers, and calls Done.
package buffer

import (
	"fmt"
	"time"
)

// Position identifies a record in its feed. For the local log, Epoch is the
// random id of the segment and Seq the record's number in the shard, from 1
// on without gaps. A sequence number that was never acknowledged may be given
// out again after a crash, but then in another segment: the pair is never
// reused.
type Position struct {
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// IsZero reports whether p identifies no record.
func (p Position) IsZero() bool { return p == Position{} }

// String is used in messages: "12@9f0c31aa52e07b44".
func (p Position) String() string { return fmt.Sprintf("%d@%016x", p.Seq, p.Epoch) }

// Record is a view into a [Chunk]; Data is valid as long as the chunk is.
type Record struct {
	Pos     Position
	Arrival time.Time // when the record was accepted, UTC, millisecond resolution
	Data    []byte
}

// Entries are records on their way into a log, back to back in one slice. The
// zero value is empty and ready; Reset keeps the memory.
//
// A decoder may write into Data directly and call End after each record.
type Entries struct {
	Data []byte   // the records, back to back
	Ends []uint32 // where each record ends in Data
}

// Add copies one record in.
func (e *Entries) Add(record []byte) {
	e.Data = append(e.Data, record...)
	e.End()
}

// End closes the record that was written to Data since the last End.
func (e *Entries) End() { e.Ends = append(e.Ends, uint32(len(e.Data))) }

// Len returns the number of records.
func (e *Entries) Len() int { return len(e.Ends) }

// Reset empties e and keeps its memory.
func (e *Entries) Reset() { e.Data, e.Ends = e.Data[:0], e.Ends[:0] }

// Count is a number of records and their bytes.
type Count struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"` // of the records as they were accepted
}

// Add returns the sum.
func (c Count) Add(d Count) Count { return Count{c.Records + d.Records, c.Bytes + d.Bytes} }

// Sub returns the difference.
func (c Count) Sub(d Count) Count { return Count{c.Records - d.Records, c.Bytes - d.Bytes} }
