// Package logs decides what a person reads while the server works: how lines
// look on a terminal and in a log collector, and which of the engine's events
// become one.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Formats of log lines.
const (
	Auto = "auto" // Text on a terminal, JSON otherwise
	Text = "text"
	JSON = "json"
)

// Options say how log lines look.
type Options struct {
	Format   string // Auto, Text or JSON
	Level    slog.Level
	Terminal bool // the output is a terminal
	Colour   bool
}

// New returns a logger that writes to w. Text from outside cannot forge a
// line or steer the terminal: control characters are escaped.
func New(w io.Writer, o Options) *slog.Logger {
	if o.Format == JSON || o.Format != Text && !o.Terminal {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: printable}))
	}
	return slog.New(&textHandler{out: &output{w: w}, level: o.Level, colour: o.Colour})
}

// printable escapes what encoding/json leaves alone: DEL, the C1 controls
// (which some terminals obey) and characters that change the direction of text.
func printable(_ []string, a slog.Attr) slog.Attr {
	a.Key = escape(a.Key, aboveASCII)
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(escape(v, aboveASCII))
	case error:
		a.Value = slog.StringValue(escape(v.Error(), aboveASCII))
	}
	return a
}

// Escape makes every character of s that does not print visible: a newline
// becomes \n.
func Escape(s string) string { return escape(s, invisible) }

func invisible(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

func aboveASCII(r rune) bool { return r >= 0x7f && invisible(r) }

func escape(s string, escaped func(rune) bool) string {
	if strings.IndexFunc(s, escaped) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !escaped(r):
			b.WriteRune(r)
		case r == utf8.RuneError && s[i] != 0xef: // a byte that is not UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// textHandler writes lines for people:
//
//	14:03:12 WARN  delivery is failing  stream=demo err="put object: timeout"
type textHandler struct {
	out    *output
	level  slog.Level
	colour bool
	prefix string // of attribute names: the open groups
	attrs  string // formatted
}

// output is shared by all handlers made from one.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	level := fmt.Sprintf("%-5s", r.Level)
	if c := colours[r.Level]; h.colour && c != "" {
		level = c + level + "\x1b[0m"
	}
	fmt.Fprintf(&b, "%s %s %s%s", r.Time.Format("15:04:05"), level, Escape(r.Message), h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, b.String())
	return err
}

var colours = map[slog.Level]string{
	slog.LevelDebug: "\x1b[2m",
	slog.LevelWarn:  "\x1b[33m",
	slog.LevelError: "\x1b[31m",
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	n := *h
	n.attrs += b.String()
	return &n
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	n := *h
	if name != "" {
		n.prefix += name + "."
	}
	return &n
}

func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, g := range v.Group() {
			appendAttr(b, prefix, g)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	text := v.String()
	if text == "" || strings.ContainsAny(text, ` ="`) || Escape(text) != text {
		text = strconv.Quote(text)
	}
	b.WriteString("  ")
	b.WriteString(Escape(prefix + a.Key))
	b.WriteByte('=')
	b.WriteString(text)
}
