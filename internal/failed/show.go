package failed

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/internal/logs"
)

const timeForm = "2006-01-02 15:04:05"

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(timeForm)
}

// WriteGroups writes a table of reasons.
func WriteGroups(w io.Writer, groups []Group) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STREAM\tTYPE\tCODE\tREASON\tRECORDS\tREPLAYED\tFIRST\tLAST\tEXAMPLE")
	for _, g := range groups {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", g.Stream, logs.Escape(g.Type), orDash(g.Code),
			orDash(g.Reason), g.Records, g.Replayed, clock(g.First), clock(g.Last), logs.Escape(Excerpt([]byte(g.Example.Record), 60)))
	}
	return table.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return logs.Escape(s)
}

// shownSize is how much of a record is shown to people.
const shownSize = 4 << 10

// WriteText writes a record for people.
func WriteText(w io.Writer, r *Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", clock(r.Arrival), logs.Escape(r.Type), orDash(r.Code))
	if r.Attempts > 1 {
		fmt.Fprintf(&b, "  %d attempts", r.Attempts)
	}
	if r.Replayed {
		b.WriteString("  replayed")
	}
	fmt.Fprintf(&b, "\n  %s\n  %s:%d\n", orDash(r.Message), logs.Escape(r.Object), r.Line)
	data := r.Data
	if len(data) > shownSize {
		data = data[:shownSize]
	}
	for line := range strings.Lines(string(data)) {
		fmt.Fprintf(&b, "    %s\n", logs.Escape(strings.TrimRight(line, "\r\n")))
	}
	if more := len(r.Data) - len(data); more > 0 {
		fmt.Fprintf(&b, "    ... and %d bytes more; hydrant errors export writes all of it\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes a record as a line of JSON, with its bytes decoded: as data
// if they are text, else as data_base64.
func WriteJSON(w io.Writer, stream string, r *Record) error {
	out := struct {
		Stream   string                     `json:"stream"`
		Object   string                     `json:"object"`
		Line     int64                      `json:"line"`
		Type     string                     `json:"type"`
		Code     string                     `json:"code"`
		Message  string                     `json:"message"`
		Attempts int                        `json:"attempts"`
		Arrival  *time.Time                 `json:"arrival,omitempty"`
		Replayed bool                       `json:"replayed"`
		Details  map[string]json.RawMessage `json:"details,omitempty"`
		Data     *string                    `json:"data,omitempty"`
		Binary   []byte                     `json:"data_base64,omitempty"`
	}{Stream: stream, Object: r.Object, Line: r.Line, Type: r.Type, Code: r.Code, Message: r.Message, Attempts: r.Attempts,
		Replayed: r.Replayed, Details: r.Details}
	if !r.Arrival.IsZero() {
		out.Arrival = &r.Arrival
	}
	if text := string(r.Data); utf8.Valid(r.Data) {
		out.Data = &text
	} else {
		out.Binary = r.Data
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// Newest keeps the newest records that it is given.
type Newest struct {
	Most int
	list []*Record // by arrival, the newest first
}

// Add takes a record, which it keeps if it is among the newest.
func (n *Newest) Add(r *Record) {
	at := len(n.list)
	for at > 0 && !n.list[at-1].Arrival.After(r.Arrival) {
		at--
	}
	if at >= n.Most {
		return
	}
	n.list = append(n.list, nil)
	copy(n.list[at+1:], n.list[at:])
	n.list[at] = r
	n.list = n.list[:min(len(n.list), n.Most)]
}

// List returns them, the newest first.
func (n *Newest) List() []*Record { return n.list }
