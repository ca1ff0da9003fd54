// Package heap balances the memory that garbage takes against the CPU time of
// collecting it.
package heap

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// room is for garbage: with as much, collections are rare enough to cost
	// next to nothing. A larger heap, which is a few large buffers without
	// pointers, may have more, but less than it holds itself.
	room = 24 << 20
	// least and most bound the room, in percent of what is in use.
	least, most = 50, 200
	// every is how often we look. The heap may have grown meanwhile: most is
	// what it can cost.
	every = time.Second
)

// Tune sets the percentage of Go's garbage collector by what is in use, until
// ctx is done. It does nothing if the user has set GOGC.
func Tune(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	now := 0
	for {
		metrics.Read(live)
		if p := percent(live[0].Value.Uint64()); p != now {
			debug.SetGCPercent(p)
			now = p
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// percent returns the collector's percentage for so many bytes in use, in
// steps: setting it stops the world.
func percent(live uint64) int {
	p := int(min(100*room/max(live, 1), most))
	return max(p-p%10, least)
}
