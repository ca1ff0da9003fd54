package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// load is producers of a kind that costs little CPU: requests are made
// beforehand and answers hardly read, so that on a small machine the server
// has what there is.
type load struct {
	address string
	conns   []*connection
}

type connection struct {
	net.Conn
	answers *bufio.Reader
}

func newLoad(address string, connections int) *load {
	return &load{address: address, conns: make([]*connection, connections)}
}

// run sends what next returns until it returns nil or the time is over, and
// returns the number of requests that were answered with 200. next is called
// concurrently.
func (l *load) run(ctx context.Context, next func() []byte, limit time.Duration) (int, error) {
	var (
		wait  sync.WaitGroup
		count atomic.Int64
		errs  = make([]error, len(l.conns))
		end   = time.Now().Add(limit)
	)
	for i := range l.conns {
		wait.Go(func() {
			for ctx.Err() == nil && (limit == 0 || time.Now().Before(end)) {
				request := next()
				if request == nil {
					return
				}
				if errs[i] = l.send(i, request); errs[i] != nil {
					return
				}
				count.Add(1)
			}
		})
	}
	wait.Wait()
	return int(count.Load()), errors.Join(errs...)
}

func (l *load) send(i int, request []byte) error {
	if l.conns[i] == nil {
		c, err := net.Dial("tcp", l.address)
		if err != nil {
			return fmt.Errorf("connect to server: %w", err)
		}
		l.conns[i] = &connection{c, bufio.NewReaderSize(c, 128<<10)}
	}
	c := l.conns[i]
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	return c.answer()
}

func (l *load) close() {
	for _, c := range l.conns {
		if c != nil {
			c.Close()
		}
	}
}

// answer reads an answer to its end. It must be a 200 without failed records.
func (c *connection) answer() error {
	status, err := c.answers.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	good := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	length := -1
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
		}
	}
	if length < 0 {
		return errors.New("read answer: it has no Content-Length")
	}
	if !good {
		text := make([]byte, min(length, 500))
		if _, err := io.ReadFull(c.answers, text); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return fmt.Errorf("server refused the records: %s", text)
	}
	if _, err := c.answers.Discard(length); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// request makes an HTTP request with a PutRecordBatch of records, as Go's
// SDK would, without a signature.
func request(host string, records [][]byte) []byte {
	body := []byte(`{"DeliveryStreamName":"bench","Records":[`)
	for i, r := range records {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"Data":"`...)
		body = base64.StdEncoding.AppendEncode(body, r)
		body = append(body, `"}`...)
	}
	body = append(body, "]}"...)
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nUser-Agent: hydrant-bench\r\n"+
		"Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Firehose_20150804.PutRecordBatch\r\n"+
		"Content-Length: %d\r\n\r\n", host, len(body))
	return append([]byte(head), body...)
}

func split(e *buffer.Entries) (records [][]byte) {
	// eachRecord cannot fail here: neither does the function it calls.
	_ = eachRecord(e, func(r []byte) error {
		records = append(records, r)
		return nil
	})
	return records
}
