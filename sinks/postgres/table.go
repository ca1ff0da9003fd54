package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// describeSQL tells the columns of the table $1. A domain counts as the type
// below it. Types are told by the function that reads their binary form, so
// that those of extensions need no names here.
const describeSQL = `
WITH RECURSIVE base AS (
	SELECT attnum, atttypid AS type, atttypmod AS mod, attnotnull AS required
	FROM pg_catalog.pg_attribute
	WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped
	UNION ALL
	SELECT b.attnum, t.typbasetype, t.typtypmod, b.required OR t.typnotnull
	FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT a.attname, b.required, b.mod, r.proname, coalesce(e.oid, t.oid), coalesce(er.proname, ''), a.attndims,
	a.attgenerated <> '', a.attidentity <> '' OR coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') LIKE 'nextval(%',
	pg_catalog.format_type(a.atttypid, a.atttypmod),
	coalesce((SELECT pg_catalog.json_agg(l.enumlabel) FROM pg_catalog.pg_enum l WHERE l.enumtypid = coalesce(e.oid, t.oid))::text, '[]')
FROM base b
JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'
JOIN pg_catalog.pg_proc r ON r.oid = t.typreceive
JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::pg_catalog.regclass AND a.attnum = b.attnum
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND r.proname = 'array_recv'
LEFT JOIN pg_catalog.pg_proc er ON er.oid = e.typreceive
ORDER BY a.attnum`

// found is a column of the table as the server describes it.
type found struct {
	name     string
	required bool
	typ      typ
	declared string // its type for people: "numeric(10,2)"
	computed bool   // by an expression
	counted  bool   // an identity column or a serial one
}

// scan reads a row of describeSQL. Values are texts.
func (f *found) scan(row [][]byte) error {
	var labels []string
	if err := json.Unmarshal(row[10], &labels); err != nil {
		return fmt.Errorf("read labels of an enum: %w", err)
	}
	var mod, dims int32
	var oid uint32
	if _, err := fmt.Sscan(fmt.Sprintf("%s %s %s", row[2], row[4], row[6]), &mod, &oid, &dims); err != nil {
		return fmt.Errorf("read description of a column: %w", err)
	}
	f.name, f.declared = string(row[0]), string(row[9])
	f.required, f.computed, f.counted = isTrue(row[1]), isTrue(row[7]), isTrue(row[8])
	receive, element := string(row[3]), string(row[5]) //lint:ignore SA6001 it is used more than once
	if receive == "array_recv" {
		f.typ = typ{kind: array, element: &typ{kind: kinds[element], oid: oid}, declared: f.declared}
		f.typ.element.limit(mod, labels)
		f.typ.element.declared = strings.TrimSuffix(f.declared, "[]")
		if f.typ.element.kind == unknown || dims > 1 {
			f.typ.kind = unknown
		}
		return nil
	}
	f.typ = typ{kind: kinds[receive], oid: oid, declared: f.declared}
	f.typ.limit(mod, labels)
	return nil
}

func isTrue(text []byte) bool { return string(text) == "t" }

// scanAll reads the answer to describeSQL.
func scanAll(answer [][][]byte) ([]found, error) {
	all := make([]found, len(answer))
	for i := range answer {
		if err := all[i].scan(answer[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// target is the columns that are filled. It does not change.
type target struct {
	names   []string
	types   []typ
	need    []bool // of NOT NULL, or of on_conflict.keys
	schema  *column.Schema
	options column.Options
}

// newTarget chooses the columns that are filled: those asked for, or all that
// do not fill themselves.
func newTarget(all []found, wanted []string, o column.Options) (*target, error) {
	t := &target{schema: &column.Schema{}}
	if len(wanted) == 0 {
		for i := range all {
			if !all[i].computed && !all[i].counted {
				wanted = append(wanted, all[i].name)
			}
		}
	}
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(f found) bool { return f.name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("the table has no column %s%s", name, similar(all, name))
		case all[i].computed:
			return nil, fmt.Errorf("column %s is generated and cannot be filled: take it from data_table_columns", name)
		case all[i].typ.kind == unknown:
			return nil, fmt.Errorf("column %s is of type %s, which cannot be filled: make it text, or list the other columns in data_table_columns", name, all[i].declared)
		}
		t.names, t.types, t.need = append(t.names, name), append(t.types, all[i].typ), append(t.need, all[i].required)
		t.schema.Columns = append(t.schema.Columns, column.Field{Name: name, Type: all[i].typ.parsed()})
	}
	if len(t.names) == 0 {
		return nil, fmt.Errorf("the table has no columns to fill")
	}
	o.CaseInsensitive = true
	if _, err := column.NewParser(t.schema, o); err != nil {
		o.CaseInsensitive = false // two names differ by their letter case only
	}
	t.options = o
	_, err := column.NewParser(t.schema, o)
	return t, err
}

// parser makes a parser of records, which one goroutine may use.
func (t *target) parser() *column.Parser {
	p, err := column.NewParser(t.schema, t.options)
	if err != nil {
		panic(err) // newTarget made one from the same
	}
	return p
}

// similar proposes the column that was probably meant.
func similar(all []found, name string) string {
	for i := range all {
		if strings.EqualFold(all[i].name, name) {
			return fmt.Sprintf(", but %s: the letter case counts", all[i].name)
		}
	}
	return ""
}
