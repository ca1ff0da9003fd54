package schema

import (
	"errors"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// glueColumns returns the list of columns in what `aws glue get-table` and
// get-table-version print, or nil if it is something else.
func glueColumns(root *node) *node {
	n := root
	for _, name := range []string{"TableVersion", "Table", "StorageDescriptor"} {
		if inner := n.get(name); inner != nil {
			n = inner
		}
	}
	if list := n.get("Columns"); list != nil && list.kind == '[' {
		return list
	}
	return nil
}

// parseGlue reads the columns of a table of AWS Glue. Those of PartitionKeys
// are in the names of objects and not in the objects.
func parseGlue(src *source, list *node) (*column.Schema, error) {
	s := &column.Schema{}
	names := names{}
	for _, n := range list.elements {
		f := column.Field{Name: n.text("Name")}
		if why, hint := names.refuse(f.Name); why != "" {
			return nil, src.fail(n.at, hint, "%s", why)
		}
		text := n.get("Type")
		if text == nil {
			return nil, src.fail(n.at, "", "column %q has no Type", f.Name)
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
