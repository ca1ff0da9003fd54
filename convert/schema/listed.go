package schema

import (
	"errors"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// listing is a JSON text that lists columns with their Hive types.
type listing struct {
	kind      string
	name, typ string   // members of a column
	way       []string // members that may be on the way to the list
	columns   *node
}

// findListing returns the list of columns in what `aws glue get-table` and
// get-table-version print, or in a document of Decided, or nil.
func findListing(root *node) *listing {
	for _, l := range []listing{
		{kind: "Glue table", name: "Name", typ: "Type", way: []string{"TableVersion", "Table", "StorageDescriptor", "Columns"}},
		{kind: "list of columns", name: "name", typ: "type", way: []string{"columns"}},
	} {
		n := root
		for _, name := range l.way {
			if inner := n.get(name); inner != nil {
				n = inner
			}
		}
		if n != root && n.kind == '[' {
			l.columns = n
			return &l
		}
	}
	return nil
}

// parse reads the columns. Those in PartitionKeys of Glue are in the names of
// objects and not in the objects.
func (l *listing) parse(src *source) (*column.Schema, error) {
	s := &column.Schema{}
	names := names{}
	for _, n := range l.columns.elements {
		f := column.Field{Name: n.text(l.name)}
		f.Required, _ = n.get("required").bool()
		if why, hint := names.refuse(f.Name); why != "" {
			return nil, src.fail(n.at, hint, "%s", why)
		}
		text := n.get(l.typ)
		if text == nil {
			return nil, src.fail(n.at, "", "column %q has no %s", f.Name, l.typ)
		}
		var err error
		word, _ := text.value.(string)
		f.Type, err = parseType(word)
		if bad := (*column.TypeError)(nil); errors.As(err, &bad) {
			return nil, src.fail(text.at+1+bad.Offset, "", "column %q: %s", f.Name, bad.Reason) // 1: the quotation mark
		}
		s.Columns = append(s.Columns, f)
	}
	return s, nil
}
