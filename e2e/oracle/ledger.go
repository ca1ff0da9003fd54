package oracle

import "sync"

// Ledger is what one producer did: it takes numbers before it sends, and
// marks those that were answered with success. A record whose answer never
// came, or was an error, is neither sent again nor expected: it may or may
// not arrive, once.
type Ledger struct {
	Seed     uint64
	Producer int // 0 to 999; below 26, and unique in its stream

	mu    sync.Mutex
	sent  int
	acked bits
	known int // acknowledged records
}

// Take reserves the next count numbers and returns the first.
func (l *Ledger) Take(count int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.sent
	l.sent += count
	return first
}

// Next returns the number the next Take starts with.
func (l *Ledger) Next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Ack marks a record as answered with success.
func (l *Ledger) Ack(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.acked.has(n) {
		l.acked.set(n)
		l.known++
	}
}

// Counts returns how many records were sent and how many acknowledged.
func (l *Ledger) Counts() (sent, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.known
}

// bits is a growing set of small numbers.
type bits []uint64

func (b bits) has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }

func (b *bits) set(n int) {
	for n/64 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}
