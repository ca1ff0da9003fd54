package load

import (
	"context"
	"sync"
	"testing"
)

// Run runs producers until the function it returns is called, or the test ends.
func Run(t testing.TB, producers ...*Producer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range producers {
		running.Go(func() { p.Run(ctx) })
	}
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}
