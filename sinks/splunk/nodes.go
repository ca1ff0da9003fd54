package splunk

import (
	"sync"
	"sync/atomic"
	"time"
)

// nodes are the collectors that batches go to in turn.
type nodes struct {
	mu   sync.Mutex
	list []*node
	turn int
}

// node is one collector.
type node struct {
	url   string       // without a path of the collector
	rests atomic.Int64 // until when others are preferred, in nanoseconds since 1970
	acks  atomic.Bool  // it is known to acknowledge
}

// rest is how long a node that failed is left alone, if there is another one.
const rest = 30 * time.Second

// next returns the node whose turn it is: the next one that does not rest, or
// the one that has rested longest.
func (n *nodes) next(now time.Time) *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	var best *node
	for range n.list {
		c := n.list[n.turn]
		n.turn = (n.turn + 1) % len(n.list)
		if c.rests.Load() <= now.UnixNano() {
			return c
		}
		if best == nil || c.rests.Load() < best.rests.Load() {
			best = c
		}
	}
	return best
}

func (c *node) failed(now time.Time) { c.rests.Store(now.Add(rest).UnixNano()) }

func (c *node) worked() { c.rests.Store(0) }
