package sinktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Spool keeps a batch's files in memory.
type Spool struct {
	mu    sync.Mutex
	files []*spoolFile
}

// Create makes a file.
func (s *Spool) Create() (sinks.SpoolFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &spoolFile{name: fmt.Sprint(len(s.files))}
	s.files = append(s.files, f)
	return f, nil
}

// Load sets the bodies of payloads, as it is done before they are sent.
func (s *Spool) Load(payloads []sinks.Payload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range payloads {
		for _, f := range s.files {
			if f.name == payloads[i].File {
				payloads[i].Body = bytes.NewReader(f.Bytes())
			}
		}
	}
}

type spoolFile struct {
	name string
	bytes.Buffer
}

func (f *spoolFile) Finish() (sinks.Content, error) {
	sum := sha256.Sum256(f.Bytes())
	return sinks.Content{File: f.name, Size: int64(f.Len()), SHA256: hex.EncodeToString(sum[:])}, nil
}

// arrival is when the records of tests arrive: the last day of a year in
// which the week-based year differs.
var arrival = time.Date(2024, 12, 31, 23, 30, 15, 0, time.UTC)

// Chunk returns records as a feed would.
func Chunk(records ...string) *buffer.Chunk {
	c := &buffer.Chunk{}
	c.Reset(buffer.Position{Epoch: 0x9f0c31aa52e07b44, Seq: 1})
	for _, r := range records {
		c.AppendCopy([]byte(r), arrival)
	}
	return c
}

// Plan returns the plan of a batch that consists of the chunk.
func Plan(c *buffer.Chunk) buffer.Plan {
	return buffer.Plan{
		Feed:   "test/0",
		First:  c.Position(0),
		Last:   c.Position(c.Len() - 1),
		Count:  buffer.Count{Records: uint64(c.Len()), Bytes: uint64(len(c.Data))},
		Oldest: arrival,
		Cut:    arrival.Add(time.Minute),
		Cause:  buffer.CutInterval,
	}
}

// AllRows returns the indexes of the rows of a chunk.
func AllRows(c *buffer.Chunk) []int {
	rows := make([]int, c.Len())
	for i := range rows {
		rows[i] = i
	}
	return rows
}
