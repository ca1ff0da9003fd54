package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pool keeps a few connections. None has a state of its session: what was set
// ended with the transaction, so that PgBouncer may hand it to others.
type pool struct {
	connection *Connection   // its files are read for each connection that is made
	slots      chan struct{} // one for each connection that may be used

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// conn is a connection with the memory that a copy needs.
type conn struct {
	*pgconn.PgConn
	rows rows
	used bool // it was idle before: the server may have ended it meanwhile
}

var errClosed = errors.New("the destination is closed")

func newPool(c *Connection, most int) *pool {
	return &pool{connection: c, slots: make(chan struct{}, most)}
}

// get returns a connection for one user, who gives it back with put.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.take(ctx)
	if err != nil {
		<-p.slots
	}
	return c, err
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if c, err := p.pop(); c != nil || err != nil {
		return c, err
	}
	config, err := p.connection.config()
	if err != nil {
		return nil, err
	}
	c, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &conn{PgConn: c}, nil
}

// pop returns an idle connection, or nil if there is none.
func (p *pool) pop() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	last := len(p.idle) - 1
	if last < 0 {
		return nil, nil
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c, nil
}

// put takes a connection back. One in the middle of something is closed: that
// rolls back, whatever it was.
func (p *pool) put(c *conn) {
	defer func() { <-p.slots }()
	if !c.IsClosed() && c.TxStatus() == 'I' {
		p.mu.Lock()
		keep := !p.closed
		if keep {
			c.used = true
			p.idle = append(p.idle, c)
		}
		p.mu.Unlock()
		if keep {
			return
		}
	}
	c.end()
}

// close ends the idle connections; those in use are ended when they come back.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.end()
	}
}

// farewell is how long the server may take to see that a connection ends.
const farewell = 2 * time.Second

// end closes a connection. What that fails with says nothing new. A server that
// still waits for the rest of a transaction has it rolled back.
func (c *conn) end() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	c.Close(ctx)
	select {
	case <-c.CleanupDone():
	case <-ctx.Done():
		c.Conn().Close()
	}
}

// statement is SQL with its parameters, as text.
type statement struct {
	sql  string
	args []string
}

func stmt(sql string, args ...string) statement { return statement{sql, args} }

// run sends statements in one go and returns what each answered. After an
// error there are answers to those before the one that failed.
func (c *conn) run(ctx context.Context, statements ...statement) ([]*pgconn.Result, error) {
	var b pgconn.Batch
	for _, s := range statements {
		values := make([][]byte, len(s.args))
		for i, a := range s.args {
			values[i] = []byte(a)
		}
		b.ExecParams(s.sql, values, nil, nil, nil)
	}
	return c.ExecBatch(ctx, &b).ReadAll()
}

// one sends one statement and returns its rows.
func (c *conn) one(ctx context.Context, sql string, args ...string) ([][][]byte, error) {
	results, err := c.run(ctx, stmt(sql, args...))
	if err != nil {
		return nil, err
	}
	return results[0].Rows, nil
}
