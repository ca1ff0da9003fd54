package convert

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain is a file in memory that can be read from the middle on.
func plain(name, content string) Input {
	at := func(from int64) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content[from:])), nil }
	return Input{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return at(0) }, openAt: at}
}

// numbered returns the lines that a cutter finds, with their places, and how
// many parts there are.
func numbered(t *testing.T, c cutter) (all []string, parts int) {
	t.Helper()
	defer c.close()
	input, before := 0, int64(0)
	for ; ; parts++ {
		l, err := c.next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			return all, parts
		}
		for {
			b, err := l.next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				break
			}
			for i, s := range b.segments {
				end := len(b.data)
				if i+1 < len(b.segments) {
					end = b.segments[i+1].start
				}
				n := s.line
				if s.number == input {
					n += before
				}
				for line := range strings.Lines(string(b.data[s.start:end])) {
					n++
					all = append(all, fmt.Sprintf("%s:%d:%s", s.input, n, line))
				}
			}
		}
		last, n := l.last()
		if last == input {
			n += before
		}
		input, before = last, n
		l.close()
	}
}

// Wherever the parts are cut, each line is in one of them and knows its number.
func TestEachLineIsInOnePart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var inputs []Input
		var want []string
		for i := range 1 + r.IntN(5) {
			name := fmt.Sprint(i)
			var content strings.Builder
			if r.IntN(3) == 0 {
				content.WriteString("\xef\xbb\xbf")
			}
			n := r.IntN(20)
			for line := range n {
				text := strings.Repeat("x", r.IntN(10)*r.IntN(100)*r.IntN(2))
				if line == n-1 && r.IntN(2) == 0 {
					text += "the end"
					content.WriteString(text)
				} else {
					content.WriteString(text + "\n")
				}
				want = append(want, fmt.Sprintf("%s:%d:%s\n", name, line+1, text))
			}
			inputs = append(inputs, plain(name, content.String()))
		}
		size := int64(1 + r.IntN(2000))
		read := &atomic.Int64{}
		if parts := divide(inputs, size); parts != nil {
			got, _ := numbered(t, &ranges{parts: parts, read: read})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("parts of %d bytes, read by workers:\n%s", size, diff)
			}
		}
		rows := r.IntN(10)
		got, parts := numbered(t, &stream{reader: reader{sections: whole(inputs), read: read}, size: size, rows: rows})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("parts of %d bytes and %d lines, in memory:\n%s", size, rows, diff)
		}
		if rows > 0 && parts < len(want)/rows {
			t.Fatalf("%d lines are in %d parts, not more than %d in each", len(want), parts, rows)
		}
	}
}
