package parquet

import (
	"bytes"
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFilesAreWrittenAsBefore holds every byte. A change of the format of our
// files is no accident.
func TestFilesAreWrittenAsBefore(t *testing.T) {
	s := table(t, "id:bigint not null,name:string,score:double,at:timestamp,day:date,price:decimal(9,2),total:decimal(38,10),ok:boolean,raw:binary,"+
		"tags:array<string>,attributes:map<string,int>,place:struct<lat:float,lon:float,grid:array<array<smallint>>>")
	rows := []map[string]any{
		{"id": int64(1), "name": "naïve", "score": 1.5, "at": "2026-11-23T08:00:00.123456Z", "day": "2026-11-23", "price": "-12.50",
			"total": "12345678901234567890.0123456789", "ok": true, "raw": []byte{0, 255}, "tags": []any{"a", nil, "b"},
			"attributes": columntest.Pairs{{Key: "x", Value: int64(1)}, {Key: "y", Value: nil}},
			"place":      map[string]any{"lat": float32(52.5), "grid": []any{[]any{int64(1), nil}, nil, []any{}}}},
		{"id": int64(2)},
		{"id": int64(3), "name": "", "score": -0.5, "tags": []any{}, "attributes": columntest.Pairs{}, "place": map[string]any{}},
	}
	for name, change := range map[string]func(*Config){
		"plain.parquet": func(c *Config) { c.Compression, c.BloomFilterColumns = Uncompressed, []string{"id", "tags.element"} },
		"modern.parquet": func(c *Config) {
			c.Compression, c.Encodings, c.WriterVersion, c.Dictionary = Uncompressed, Modern, V2, false
		},
	} {
		c := Default().(*Config)
		change(c)
		got := encode(t, c, s, rows, 2, 2)
		if *update {
			if err := os.WriteFile("testdata/"+name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes (go test -update writes it anew)", name)
		}
		root := s.Root()
		var inFile []map[string]any
		for _, row := range rows {
			inFile = append(inFile, unit(&root, row, Micros).(map[string]any))
		}
		wantRows(t, got, s, inFile)
	}
}

func TestFilesAreWrittenConcurrently(t *testing.T) {
	s := table(t, "v:bigint,w:string")
	rows := only(100, func(i int) any { return int64(i) })
	c := Default().(*Config)
	want := encode(t, c, s, rows, 10, 50)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				if got := encode(t, c, s, rows, 7, 50); !bytes.Equal(got, want) {
					t.Error("other bytes")
				}
			}
		})
	}
	wait.Wait()
}
