package buffer

import (
	"context"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/segment"
)

// maxGroup bounds the memory of a group: when it is reached, appends wait for
// the syncer to take the group.
const maxGroup = 16 << 20

// group is what one write and one sync make durable: the frames of all
// appends that came while the group before it was on its way.
type group struct {
	seg  *seg
	off  int64 // in seg
	buf  []byte
	done chan struct{} // closed when err is final
	err  error         // why nothing of it may be acknowledged

	full chan struct{} // closed when the group is taken; nil: nobody waits
	used int64         // of buf, counted in the quotas
	seal bool          // seg ends with it
	end  Count         // accepted after it
}

func newGroup(seg *seg, buf []byte, off int64) *group {
	return &group{seg: seg, off: off, buf: buf[:0], done: make(chan struct{})}
}

// append adds one frame to the group and waits until it is durable.
func (s *shard) append(ctx context.Context, ends []uint32, data []byte, now int64) (Position, error) {
	sum := segment.SumData(ends, data) // the long part, outside the lock
	s.mu.Lock()
	for s.refusal == nil && len(s.group.buf) >= maxGroup {
		if err := s.awaitRoom(ctx); err != nil {
			s.mu.Unlock()
			return Position{}, err
		}
	}
	if err := s.refusal; err != nil {
		s.mu.Unlock()
		return Position{}, err
	}
	g := s.group
	pos := Position{Epoch: s.cur.id, Seq: s.tail.accepted.Records + 1}
	was := len(g.buf)
	g.buf = segment.AppendData(g.buf, s.cur.id, segment.Frame{
		Seq: pos.Seq, Before: s.tail.before, Arrival: now, Watermark: s.watermark(), Sum: sum,
	}, ends, data)
	s.advance(len(g.buf)-was, ends, data, sum)
	s.mu.Unlock()

	signal(s.wake)
	if fault.Bug("ack-before-sync") {
		return pos, nil
	}
	select {
	case <-g.done:
	case <-ctx.Done():
		return Position{}, ctx.Err()
	}
	if g.err != nil {
		return Position{}, g.err
	}
	return pos, nil
}

// awaitRoom waits, without the lock, until the syncer takes the group.
func (s *shard) awaitRoom(ctx context.Context) error {
	if s.group.full == nil {
		s.group.full = make(chan struct{})
	}
	full := s.group.full
	s.mu.Unlock()
	defer s.mu.Lock()
	signal(s.wake)
	select {
	case <-full:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// advance accounts for a data frame. The caller holds mu.
func (s *shard) advance(frame int, ends []uint32, data []byte, sum uint32) {
	t := &s.tail
	t.off += int64(frame)
	t.accepted = t.accepted.Add(Count{uint64(len(ends)), uint64(len(data))})
	t.before += uint16(len(data))
	t.frames++
	t.unpadded = true
	t.sum = segment.SumFrames(t.sum, sum)
	s.group.used += int64(frame)
	s.log.grow(int64(frame))
}
