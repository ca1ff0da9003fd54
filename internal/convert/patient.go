package convert

import (
	"context"
	"io"
)

// Patient reads standard input so that nobody has to wait for it when ctx is
// done: then Read returns, and what was being read is lost.
func Patient(ctx context.Context, r io.Reader) io.Reader {
	return &patient{ctx: ctx, r: r, done: make(chan int, 1)}
}

type patient struct {
	ctx  context.Context
	r    io.Reader
	done chan int // bytes in the buffer
	data []byte
	err  error // with data
	room [64 << 10]byte
}

func (p *patient) Read(to []byte) (int, error) {
	if len(p.data) == 0 && p.err == nil {
		go func() {
			n, err := p.r.Read(p.room[:])
			p.data, p.err = p.room[:n], err
			p.done <- n
		}()
		select {
		case <-p.done:
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
	n := copy(to, p.data)
	p.data = p.data[n:]
	if len(p.data) > 0 {
		return n, nil
	}
	return n, p.err
}
