package buffer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"time"
)

// Appender is a log as a door sees it.
type Appender interface {
	// Append stores the entries, all or none, and returns after they are on
	// stable storage, with the position of the first; the others follow it.
	// It keeps nothing of e. Refusals: ErrFull, ErrFailing, ErrClosed, and
	// ctx's error, after which the records may or may not have been stored.
	Append(ctx context.Context, e *Entries) (Position, error)
}

var (
	// ErrFull says that a quota or the free-space floor is reached.
	ErrFull = errors.New("buffer is full")
	// ErrFailing says that the disk does not take writes.
	ErrFailing = errors.New("buffer cannot write to its disk")
	// ErrClosed says that the log is closed.
	ErrClosed = errors.New("buffer is closed")
)

// Reader reads consecutive records.
type Reader interface {
	// Next fills c with the records that follow the last Next, at most a few
	// hundred kilobytes unless one record is larger, and at least one. It
	// blocks until there are some or ctx is done. Rows of one chunk share an
	// Epoch. At the end of a Replay it returns io.EOF.
	Next(ctx context.Context, c *Chunk) error
}

// Feed is an ordered run of records that can be read again: a shard of the
// local log, a Kafka partition. One worker uses it; Replay, Plan and Done may
// be called beside Next.
type Feed interface {
	Reader
	// ID names the feed for good and worldwide; it goes into the identity of
	// everything that is delivered.
	ID() string
	// Replay reads the records of a plan again.
	Replay(p Plan) (interface {
		Reader
		io.Closer
	}, error)
	// Plan makes the boundaries of a batch durable. No external effect may
	// come before it returned.
	Plan(ctx context.Context, p Plan) error
	// Done makes durable that the plan's records are settled. Plans are done
	// in the order they were made.
	Done(ctx context.Context, p Plan, o Outcome) error
	// Unfinished returns the plans that were made and not done when the feed
	// was opened, oldest first. They are executed again, unchanged, before
	// anything else; Next starts after the last of them.
	Unfinished() []Plan
}

// Cause says why a batch was cut.
type Cause string

// The causes of a cut, as metrics and logs show them.
const (
	CutSize     Cause = "size"
	CutInterval Cause = "interval"
	CutFlush    Cause = "flush"
)

// Plan fixes a batch: which records, and the time its names are made from.
// It is made durable before anything of the batch can be seen from outside
// and executed again, unchanged, after a crash.
type Plan struct {
	Feed   string    `json:"feed"`   // Feed.ID
	First  Position  `json:"first"`  // the first record
	Last   Position  `json:"last"`   // the last record, inclusive
	Count  Count     `json:"count"`  // what is between them
	Oldest time.Time `json:"oldest"` // arrival of the oldest record
	Cut    time.Time `json:"cut"`    // when it was cut; never before the feed's previous plan
	Cause  Cause     `json:"cause"`
	Config string    `json:"config"` // hash of the stream's configuration
}

// ID is the plan's identity: 128 bits, from the feed and the positions alone.
func (p Plan) ID() ID {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], p.First.Epoch)
	binary.LittleEndian.PutUint64(b[8:], p.First.Seq)
	binary.LittleEndian.PutUint64(b[16:], p.Last.Epoch)
	binary.LittleEndian.PutUint64(b[24:], p.Last.Seq)
	h := sha256.New()
	h.Write([]byte(p.Feed))
	h.Write(b[:])
	return ID(h.Sum(nil)[:16])
}

// ID identifies a plan, or an output of one.
type ID [16]byte

// String returns 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Sub derives the identity of a part.
func (id ID) Sub(part string) ID {
	h := sha256.New()
	h.Write(id[:])
	h.Write([]byte(part))
	return ID(h.Sum(nil)[:16])
}

// UUID returns the identity in the form 8-4-4-4-12, marked as version 8
// (RFC 9562, custom).
func (id ID) UUID() string {
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	s := hex.EncodeToString(id[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Outcome is where the records of a plan went.
type Outcome struct {
	Delivered Count `json:"delivered"` // in the destination
	Failed    Count `json:"failed"`    // in the error output
	Dropped   Count `json:"dropped"`   // removed by a user's rule
}

// Ledger is the account of a stream or a shard. Accepted is made durable,
// whether or not the answer reached the producer. Always:
// Accepted = Delivered + Failed + Dropped + Lost + Buffered.
type Ledger struct {
	Accepted  Count `json:"accepted"`
	Delivered Count `json:"delivered"`
	Failed    Count `json:"failed"`
	Dropped   Count `json:"dropped"`
	Lost      Count `json:"lost"`     // damaged on disk, quarantined and reported
	Buffered  Count `json:"buffered"` // counted on its own, not as the difference
}

func (l Ledger) add(x Ledger) Ledger {
	return Ledger{
		Accepted:  l.Accepted.Add(x.Accepted),
		Delivered: l.Delivered.Add(x.Delivered),
		Failed:    l.Failed.Add(x.Failed),
		Dropped:   l.Dropped.Add(x.Dropped),
		Lost:      l.Lost.Add(x.Lost),
		Buffered:  l.Buffered.Add(x.Buffered),
	}
}

// Gap returns what is missing in the account; anything but zero is a bug.
func (l Ledger) Gap() int64 {
	return int64(l.Accepted.Records) - int64(l.Delivered.Records) - int64(l.Failed.Records) -
		int64(l.Dropped.Records) - int64(l.Lost.Records) - int64(l.Buffered.Records)
}
