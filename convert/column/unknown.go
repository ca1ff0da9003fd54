package column

import (
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// UnknownFields is what happens to fields at the top level that are no columns,
// and with AddColumn also to those of objects that are no fields of their struct.
type UnknownFields uint8

const (
	Ignore        UnknownFields = iota // they are left out, as in Firehose
	ToExtraColumn                      // they are kept in Options.ExtraColumn
	DeadLetter                         // the record fails
	AddColumn                          // they are left out, and the record is noted in Batch.New
)

var unknownFieldsNames = [...]string{"ignore", "extra_column", "dead_letter", "add_column"}

func (u UnknownFields) String() string { return unknownFieldsNames[u] }

// Values lists the names for the reference of the configuration.
func (UnknownFields) Values() []string { return unknownFieldsNames[:] }

// MarshalText returns the name.
func (u UnknownFields) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads a name in any letter case.
func (u *UnknownFields) UnmarshalText(text []byte) error {
	for i, name := range unknownFieldsNames {
		if strings.EqualFold(name, string(text)) {
			*u = UnknownFields(i)
			return nil
		}
	}
	return &field.Error{Text: fmt.Sprintf("%q is no way to treat unknown fields", text), Hint: "write ignore, extra_column, dead_letter or add_column"}
}

// extraField is a field of the record that is no column: where its name and
// its value are.
type extraField struct{ name, nameEnd, value, valueEnd int }

// unknown skips the value at i of an unknown field whose name starts at name.
func (p *Parser) unknown(d []byte, name, i int) int {
	i = space(d, i)
	end := skip(d, i, p.depth)
	if end < 0 {
		return end
	}
	if p.options.UnknownFields == AddColumn {
		p.news = p.news || d[i] != 'n' // null has no type
		return end
	}
	nameEnd := skipString(d, name)
	if p.options.UnknownFields == DeadLetter {
		return p.refuse(i, "field %s is no column of the table", shorten(d[name:nameEnd]))
	}
	p.extra = append(p.extra, extraField{name, nameEnd, i, end})
	return end
}

// collect writes the unknown fields of the row into their column, as they stand
// in the record.
func (p *Parser) collect(d []byte, slot int) {
	start := len(p.side)
	for _, f := range p.extra {
		p.side = append(p.side, ',')
		p.side = append(p.side, d[f.name:f.nameEnd]...)
		p.side = append(p.side, ':')
		p.side = append(p.side, d[f.value:f.valueEnd]...)
	}
	p.side[start] = '{'
	p.side = append(p.side, '}')
	p.root.extra.put(slot, SidePlace(start, len(p.side)-start))
	p.extra = p.extra[:0]
}
