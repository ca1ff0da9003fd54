package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/internal/logs"
)

// Style is how a report looks.
type Style struct {
	Colour bool
	Width  int // of the terminal; longer values are cut. 0: as long as they are
}

// JSON writes the report as one document.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people.
func (r *Report) Text(w io.Writer, s Style) error {
	p := &printer{style: s}
	p.report(r, "")
	_, err := w.Write(p.out.Bytes())
	return err
}

type printer struct {
	style Style
	out   bytes.Buffer
}

const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	plain = "\x1b[0m"
)

func (p *printer) styled(code, text string) string {
	if !p.style.Colour {
		return text
	}
	return code + text + plain
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

func (p *printer) title(text string) { p.line("\n%s", p.styled(bold, text)) }

func (p *printer) report(r *Report, prefix string) {
	p.line("%s", p.styled(bold, prefix+logs.Escape(r.Name)))
	facts := []Detail{{"kind", r.Kind}}
	if prefix == "" {
		facts = append(facts, Detail{"size", exact(r.Size)})
	}
	if r.Rows != nil {
		rows := grouped(*r.Rows)
		if len(r.Groups) > 0 {
			rows += " in " + counted(len(r.Groups), r.GroupKind)
		}
		facts = append(facts, Detail{"rows", rows})
	}
	p.facts(append(facts, r.Details...))
	p.columns(r)
	p.groups(r)
	if len(r.Metadata) > 0 {
		p.title("Metadata")
		p.facts(r.Metadata)
	}
	if len(r.Entries) > 0 {
		p.title("Entries")
		rows := [][]string{{"NAME", ">PACKED", ">SIZE", "METHOD", "MODIFIED"}}
		for _, e := range r.Entries[:min(len(r.Entries), mostGroups)] {
			modified := ""
			if e.Modified != nil {
				modified = e.Modified.Format("2006-01-02 15:04:05")
			}
			rows = append(rows, []string{e.Name, size(e.Compressed), size(e.Uncompressed), e.Method, modified})
		}
		p.table(rows)
		p.more(len(r.Entries), "entries")
	}
	if len(r.Errors) > 0 {
		p.title("Errors")
		rows := [][]string{{">RECORDS", "CODE", "FIRST MESSAGE"}}
		for _, e := range r.Errors {
			rows = append(rows, []string{grouped(int64(e.Records)), e.Code, e.Message})
		}
		p.table(rows)
	}
	p.first(r)
	for _, e := range r.Entries {
		p.inside(e.Content)
	}
	p.inside(r.Content)
}

func (p *printer) inside(content *Report) {
	if content != nil {
		p.line("")
		p.report(content, "inside: ")
	}
}

func (p *printer) first(r *Report) {
	var lines []string
	for _, row := range r.First {
		lines = append(lines, string(row))
	}
	what := "rows"
	if isJSON(r) {
		what = "records"
	}
	for i, group := range [][]string{lines, r.Lines} {
		if len(group) == 0 {
			continue
		}
		switch {
		case i == 1 && len(r.Errors) > 0:
			what = "records, as they were"
		case i == 1:
			what = "lines that are no JSON"
		}
		p.title("First " + what)
		for _, line := range group {
			p.line("  %s", p.cut(logs.Escape(line), 2))
		}
	}
}

// facts are names and values, aligned.
func (p *printer) facts(all []Detail) {
	width := 0
	for _, d := range all {
		width = max(width, utf8.RuneCountInString(d.Name))
	}
	width = min(width, 30)
	for _, d := range all {
		p.line("  %s  %s", p.styled(faint, pad(logs.Escape(d.Name), width, false)), p.cut(logs.Escape(d.Value), width+4))
	}
}

// longest is how much of a minimum, a maximum or a value of metadata is shown.
const longest = 24

func (p *printer) columns(r *Report) {
	if len(r.Columns) == 0 {
		return
	}
	title := "Columns"
	if isJSON(r) {
		title = "Columns that hydrant convert would make"
	}
	p.title(title)
	rows := [][]string{{"NAME", "TYPE", "STORED AS", "CODEC", "ENCODINGS", ">SIZE", ">RATIO", ">NULLS", "MIN", "MAX", "HAS"}}
	for _, c := range r.Columns {
		t := c.Type
		if c.Required {
			t += " not null"
		}
		row := []string{c.Name, t, c.Physical, c.Codec, strings.Join(c.Encodings, " "), "", "", "", short(c.Min), short(c.Max), has(c.Chunk)}
		if c.Compressed > 0 {
			row[5] = size(c.Compressed)
			if c.Uncompressed > 0 {
				row[6] = fmt.Sprintf("%.1fx", float64(c.Uncompressed)/float64(c.Compressed))
			}
		}
		if c.Nulls != nil {
			row[7] = grouped(*c.Nulls)
		}
		rows = append(rows, row)
	}
	p.table(rows)
}

func isJSON(r *Report) bool { return strings.HasPrefix(r.Kind, "JSON") }

func has(c Chunk) string {
	var all []string
	if b := c.Bloom; b != nil {
		text := "bloom filter"
		if b.Size > 0 {
			text += " of " + size(b.Size)
		}
		if b.Hashes > 0 {
			text += fmt.Sprintf(" (%d hashes, %s bits)", b.Hashes, grouped(b.Bits))
		}
		all = append(all, text)
	}
	if c.Index {
		all = append(all, "page index")
	}
	return strings.Join(all, ", ")
}

// mostGroups is how many lines of a list people want to see.
const mostGroups = 20

func (p *printer) groups(r *Report) {
	if len(r.Groups) == 0 {
		return
	}
	p.title(strings.ToUpper(r.GroupKind[:1]) + r.GroupKind[1:] + plural(r.GroupKind))
	rows := [][]string{{">#", ">ROWS", ">SIZE", ">UNCOMPRESSED", ">OFFSET"}}
	for i, g := range r.Groups[:min(len(r.Groups), mostGroups)] {
		row := []string{strconv.Itoa(i), grouped(g.Rows), size(g.Compressed), "", ""}
		if g.Uncompressed > 0 {
			row[3] = size(g.Uncompressed)
		}
		if g.Offset > 0 {
			row[4] = grouped(g.Offset)
		}
		rows = append(rows, row)
	}
	p.table(rows)
	p.more(len(r.Groups), r.GroupKind+plural(r.GroupKind))
}

func (p *printer) more(n int, what string) {
	if n > mostGroups {
		p.line("  and %s more %s; -o json has all", grouped(int64(n-mostGroups)), what)
	}
}

// table aligns rows; the first is the head. Columns with nothing in them are
// left out; those whose head begins with > stand on the right.
func (p *printer) table(rows [][]string) {
	head := rows[0]
	var keep, widths []int
	for c := range head {
		width := 0
		for _, row := range rows[1:] {
			row[c] = logs.Escape(row[c])
			width = max(width, utf8.RuneCountInString(row[c]))
		}
		if width > 0 {
			keep = append(keep, c)
			widths = append(widths, max(width, len(strings.TrimPrefix(head[c], ">"))))
		}
	}
	for i, row := range rows {
		var cells []string
		for k, c := range keep {
			cells = append(cells, pad(strings.TrimPrefix(row[c], headMark(i)), widths[k], head[c][0] == '>'))
		}
		text := p.cut("  "+strings.TrimRight(strings.Join(cells, "  "), " "), 0)
		if i == 0 {
			text = p.styled(faint, text)
		}
		p.line("%s", text)
	}
}

func headMark(row int) string {
	if row == 0 {
		return ">"
	}
	return ""
}

// cut shortens a text that begins at a column to the width of the terminal.
func (p *printer) cut(text string, at int) string {
	room := p.style.Width - at
	if p.style.Width == 0 || utf8.RuneCountInString(text) <= room || room < 10 {
		return text
	}
	return string([]rune(text)[:room-1]) + "…"
}

func pad(text string, width int, right bool) string {
	missing := width - utf8.RuneCountInString(text)
	if missing <= 0 {
		return text
	}
	if right {
		return strings.Repeat(" ", missing) + text
	}
	return text + strings.Repeat(" ", missing)
}

func short(text string) string {
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest-1]) + "…"
}

func plural(what string) string {
	if strings.HasSuffix(what, "ch") {
		return "es"
	}
	return "s"
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(int64(n)) + " " + what + plural(what)
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	digits := []byte(strconv.FormatInt(n, 10))
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(digits) - 3; i > first; i -= 3 {
		digits = slices.Insert(digits, i, ',')
	}
	return string(digits)
}

func exact(n int64) string {
	if n < 1024 {
		return grouped(n) + " B"
	}
	return fmt.Sprintf("%s (%s bytes)", size(n), grouped(n))
}

func size(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
