package buffer

import (
	"fmt"
	"time"
)

// Events are called when something worth knowing happens in the log. Any may
// be nil. They are called from the log's own goroutines and must not block.
type Events struct {
	// Synced: a group of appends became durable.
	Synced func(stream string, d time.Duration, bytes int)
	// Damaged: something on disk is not what was written.
	Damaged func(stream string, d Damage)
	// SegmentFailed: a write or sync failed; the segment takes no more
	// appends and a new one is tried.
	SegmentFailed func(stream string, err error)
	// Foreign: a file that is not the log's; it is left alone.
	Foreign func(path string)
}

func (e *Events) synced(stream string, d time.Duration, bytes int) {
	if e.Synced != nil {
		e.Synced(stream, d, bytes)
	}
}

func (e *Events) damaged(stream string, d Damage) {
	if e.Damaged != nil {
		e.Damaged(stream, d)
	}
}

func (e *Events) segmentFailed(stream string, err error) {
	if e.SegmentFailed != nil {
		e.SegmentFailed(stream, err)
	}
}

func (e *Events) foreign(path string) {
	if e.Foreign != nil {
		e.Foreign(path)
	}
}

// Damage is a region of the data directory that is not what was written.
type Damage struct {
	File       string `json:"file"` // path in the data directory
	Offset     int64  `json:"offset"`
	Length     int64  `json:"length"` // 0: not known, or the whole file
	First      uint64 `json:"first"`  // the sequences that are lost, inclusive; 0: none
	Last       uint64 `json:"last"`
	Lost       Count  `json:"lost"`
	Quarantine string `json:"quarantine"` // where the bytes were copied; empty: nowhere
	Reason     string `json:"reason"`
}

func (d Damage) String() string {
	s := fmt.Sprintf("%s is damaged at %d (%d bytes): %s", d.File, d.Offset, d.Length, d.Reason)
	if d.First != 0 {
		s += fmt.Sprintf("; lost %d records, %d to %d", d.Lost.Records, d.First, d.Last)
	} else {
		s += "; no record is lost"
	}
	if d.Quarantine != "" {
		s += "; the bytes are kept in " + d.Quarantine
	}
	return s
}
