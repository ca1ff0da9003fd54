package configs

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Render writes the problems as a person reads them: what, where with the line
// and a mark under it, and what to write instead. Color is for terminals.
func (ps Problems) Render(w io.Writer, color bool) error {
	r := &renderer{color: color}
	for _, p := range ps {
		r.problem(p)
	}
	r.summary(ps)
	_, err := io.WriteString(w, r.String())
	return err
}

type renderer struct {
	strings.Builder
	color bool
}

const (
	red    = "1;31"
	yellow = "1;33"
	blue   = "1;34"
	bold   = "1"
)

func (r *renderer) paint(code, s string) string {
	if !r.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (r *renderer) problem(p Problem) {
	tone := red
	if p.Severity == Warning {
		tone = yellow
	}
	fmt.Fprintf(r, "%s: %s\n", r.paint(tone, string(p.Severity)), r.paint(bold, p.Text))

	gutter := 2
	for _, line := range []int{p.Line, related(p).Line} {
		gutter = max(gutter, len(strconv.Itoa(line)))
	}
	r.place(p.Place, "-->", '^', gutter, tone)
	if p.Related != nil {
		r.place(*p.Related, ":::", '-', gutter, blue)
	}
	if p.Help != "" {
		// A longer help keeps its second line under the first.
		help := strings.ReplaceAll(p.Help, "\n", "\n"+strings.Repeat(" ", gutter+9))
		fmt.Fprintf(r, "%*s %s help: %s\n", gutter, "", r.paint(blue, "="), help)
	}
	r.WriteByte('\n')
}

func related(p Problem) Place {
	if p.Related == nil {
		return Place{}
	}
	return *p.Related
}

func (r *renderer) place(at Place, arrow string, mark rune, gutter int, tone string) {
	fmt.Fprintf(r, "%*s%s %s", gutter, "", r.paint(blue, arrow), at.File)
	if at.Line == 0 {
		r.WriteByte('\n')
		return
	}
	fmt.Fprintf(r, ":%d:%d\n", at.Line, at.Column)
	bar := r.paint(blue, "|")
	fmt.Fprintf(r, "%*s %s\n", gutter, "", bar)
	fmt.Fprintf(r, "%s%s %s\n", r.paint(blue, fmt.Sprintf("%*d", gutter+1, at.Line)), bar, at.Source)
	marks := strings.Repeat(string(mark), max(at.Width, 1))
	if at.Label != "" {
		marks += " " + at.Label
	}
	fmt.Fprintf(r, "%*s %s %s%s\n", gutter, "", bar, indent(at), r.paint(tone, marks))
}

// indent is as wide as the text before the place, with its tabs kept, so that
// the mark stands under it whatever a tab is worth.
func indent(at Place) string {
	var b strings.Builder
	column := 1
	for _, c := range at.Source {
		if column == at.Column {
			break
		}
		if c != '\t' {
			c = ' '
		}
		b.WriteRune(c)
		column++
	}
	return b.String()
}

func (r *renderer) summary(ps Problems) {
	if len(ps) == 0 {
		return
	}
	var counts []string
	if n := ps.count(Error); n > 0 {
		counts = append(counts, plural(n, "error"))
	}
	if n := ps.count(Warning); n > 0 {
		counts = append(counts, plural(n, "warning"))
	}
	files := map[string]bool{}
	for _, p := range ps {
		files[p.File] = true
	}
	fmt.Fprintf(r, "%s in %s\n", strings.Join(counts, " and "), plural(len(files), "file"))
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}
