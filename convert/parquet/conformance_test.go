package parquet

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/converttest"
)

func TestConformance(t *testing.T) {
	s := table(t, "event_id:string,ts:timestamp,customer_id:string,session:string,page:string,referrer:string,country:string,"+
		"amount:decimal(10,2),items:int,user_agent:string,ip:string")
	parsers, err := column.NewParsers(s, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The suite wants files that are longer than 100 kB.
	c := Default().(*Config)
	c.Compression, c.Dictionary = Uncompressed, false
	converttest.Run(t, converttest.Harness{
		Format: column.Format{Parsers: parsers, Output: c},
		Decode: func(file []byte) ([]string, error) {
			var records []string
			for _, row := range readRows(t, file, s) {
				records = append(records, record(s, row))
			}
			return records, nil
		},
		AllocsPerRow: 0.2, // with the race detector, which empties the pool of parsers; TestWriteDoesNotAllocate is strict
	})
}

// record writes a row as converttest.Clicks has it.
func record(s *column.Schema, row map[string]any) string {
	var text []byte
	for i := range s.Columns {
		name := s.Columns[i].Name
		text = fmt.Appendf(text, `,"%s":`, name)
		switch {
		case name == "ts":
			text = time.UnixMicro(row[name].(int64)).UTC().AppendFormat(text, `"2006-01-02T15:04:05.000Z"`)
		case name == "amount":
			text = append(text, row[name].(string)...)
		default:
			b, err := json.Marshal(row[name])
			if err != nil {
				panic(err)
			}
			text = append(text, b...)
		}
	}
	text[0] = '{'
	return string(append(text, '}'))
}
