package orc_test

import (
	"bytes"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
	"github.com/hydrant-dev/hydrant/convert/converttest"
	"github.com/hydrant-dev/hydrant/convert/orc"
)

func TestConformance(t *testing.T) {
	s := &column.Schema{}
	for _, f := range [][2]string{{"event_id", "string"}, {"ts", "string"}, {"customer_id", "string"}, {"session", "char(12)"}, {"page", "varchar(100)"},
		{"referrer", "string"}, {"country", "string"}, {"amount", "decimal(12,2)"}, {"items", "int"}, {"user_agent", "string"}, {"ip", "string"}} {
		typ, err := column.ParseType(f[1])
		if err != nil {
			t.Fatal(err)
		}
		s.Columns = append(s.Columns, column.Field{Name: f[0], Type: typ})
	}
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	output := settings(orc.None) // the suite's records do not fit its small disk then
	output.DictionaryKeyThreshold = 0
	converttest.Run(t, converttest.Harness{
		Format:       column.Format{Parsers: parsers, Output: output},
		AllocsPerRow: 0.2, // with the race detector, which empties the pool of parsers; TestWriteDoesNotAllocate is strict
		Decode:       func(file []byte) ([]string, error) { return records(s, file) },
	})
}

// records returns the rows of a file as they were sent.
func records(s *column.Schema, file []byte) (list []string, err error) {
	r, err := orc.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	root := s.Root()
	for i := range r.Info().Stripes {
		var b column.Batch
		if err := r.Read(i, 1<<20, &b); err != nil {
			return nil, err
		}
		for _, row := range columntest.Rows(s, &b) {
			list = append(list, string(columntest.JSON(&root, row)))
		}
	}
	return list, nil
}
