package records

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
)

// patient reads again what a storage did not answer, for a minute or so.
type patient struct {
	io.ReaderAt
	ctx context.Context
}

const (
	mostTries = 10
	firstWait = 250 * time.Millisecond
	mostWait  = 15 * time.Second
)

func (p *patient) ReadAt(b []byte, at int64) (int, error) {
	for try := 0; ; try++ {
		n, err := p.ReaderAt.ReadAt(b, at)
		var refused *sinks.Error
		if err == nil || !errors.As(err, &refused) || refused.Kind == sinks.Permanent || try == mostTries {
			return n, err
		}
		wait := min(mostWait, firstWait<<try)
		select {
		case <-time.After(max(refused.RetryAfter, wait/2+rand.N(wait/2))):
		case <-p.ctx.Done():
			return n, err
		}
	}
}
