package convert

import (
	"context"
	"sync"
)

// room is the memory of a job. A part is let in when what is held and what it
// will probably take fit; one part is always let in. There are never many
// parts, whatever they hold: a slow core must not make the others run far
// ahead, since each group has buffers beside its rows.
type room struct {
	limit int64
	part  int64 // lines of one part, so far
	parts int   // at most

	mu      sync.Mutex
	changed sync.Cond
	held    int64 // by groups that wait for their turn
	inside  int   // parts that are worked on
	largest int64 // groups of one part, so far
	waiting int   // parts that are finished and wait for their turn
}

func newRoom(limit, part, groups int64, cores int) *room {
	m := &room{limit: limit, part: part, parts: cores + max(1, cores/2), largest: groups}
	m.changed.L = &m.mu
	return m
}

// enter waits until there is memory for one more part.
func (m *room) enter(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.fits() {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.changed.Wait()
	}
	m.inside++
	return ctx.Err()
}

func (m *room) fits() bool {
	parts := m.inside + m.waiting
	return parts == 0 || parts < m.parts && m.held+int64(m.inside+1)*(m.part+m.largest) <= m.limit
}

// finish says that a part is finished, what its lines held and what its groups
// hold.
func (m *room) finish(lines, held int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside--
	m.waiting++
	m.held += held
	m.part = max(m.part, lines)
	m.largest = max(m.largest, held)
	m.changed.Broadcast()
}

// abandon says that there was no part to work on.
func (m *room) abandon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside--
	m.changed.Broadcast()
}

// leave says that a part is written.
func (m *room) leave(held int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting--
	m.held -= held
	m.changed.Broadcast()
}

func (m *room) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}
