package orc

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

// one makes a batch of one row and one column.
func one(s *column.Schema, v any) *column.Batch {
	return columntest.Build(s, []map[string]any{{s.Columns[0].Name: v}})
}

func ofKind(k column.Kind) *column.Schema {
	return &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: k}}}}
}

func TestADictionaryIsKeptWhileItIsWorthwhile(t *testing.T) {
	for _, c := range []struct {
		name      string
		values    int
		same      int // of the values, at the start
		different int // the others go round in so many
		threshold float64
		want      string
	}{
		{"few texts", 5000, 0, 10, 0.8, "DICTIONARY_V2"},
		{"all different", 5000, 0, 5000, 0.8, "DIRECT_V2"},
		{"all different, always", 5000, 0, 5000, 1, "DICTIONARY_V2"},
		{"few texts, never", 5000, 0, 10, 0, "DIRECT_V2"},
		{"nearly all different at the first look", 30000, 0, 2040, 0.8, "DIRECT_V2"},
		{"many different at the second look", 30000, 100, 13000, 0.8, "DIRECT_V2"},
		{"many different at the second look, always", 30000, 100, 13000, 1, "DICTIONARY_V2"},
		{"not so many at the second look", 30000, 100, 12000, 0.8, "DICTIONARY_V2"},
		{"too many at the second look for the threshold", 30000, 100, 8000, 0.3, "DIRECT_V2"},
		{"a small stripe of different texts", 10, 0, 9, 0.8, "DIRECT_V2"},
		{"a small stripe of equal texts", 10, 0, 2, 0.8, "DICTIONARY_V2"},
		{"a large one of many different texts", 50000, 100, 40001, 0.99, "DIRECT_V2"},
		{"a large one of few different texts", 150000, 70000, 40001, 0.8, "DICTIONARY_V2"},
	} {
		s := ofKind(column.String)
		rows := make([]map[string]any, c.values)
		for i := range rows {
			rows[i] = map[string]any{"a": fmt.Sprint("text ", max(0, i-c.same)%c.different)}
		}
		file := write(t, config(func(x *Config) { x.DictionaryKeyThreshold = c.threshold }), s, rows, c.values, 777)
		p := parse(t, file)
		stripe, err := p.reader.Stripe(0)
		if err != nil {
			t.Fatal(err)
		}
		if got := stripe.Encodings[1].Kind; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCharIsPaddedInTheFileAndNotWhenRead(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.Char, Length: 5}}}}
	file := write(t, config(func(c *Config) { c.Compression = None }), s, []map[string]any{{"a": "é"}}, 1, 1)
	if !bytes.Contains(file, []byte("é    ")) {
		t.Error("é is not padded to 5 characters")
	}
	if _, rows := read(t, file); rows[0]["a"] != "é" {
		t.Errorf("read %q", rows[0]["a"])
	}
}

func TestBoundsOfLongTextsAreCutAndStillBounds(t *testing.T) {
	for _, text := range []string{
		"short", strings.Repeat("a", textLimit), strings.Repeat("a", textLimit+1), strings.Repeat("日", textLimit),
		strings.Repeat("x", textLimit-1) + "\ud7ff" + "y", strings.Repeat("a", 10) + strings.Repeat("\U0010ffff", textLimit),
	} {
		low, high := lower([]byte(text)), upper(nil, []byte(text))
		if string(low) > text || string(high) < text {
			t.Errorf("%.20q…: bounds %.20q… and %.20q…", text, low, high)
		}
		if len(low) > textLimit || len(high) > textLimit+1 || !utf8.Valid(low) || !utf8.Valid(high) {
			t.Errorf("%.20q…: bounds of %d and %d bytes, valid %v and %v", text, len(low), len(high), utf8.Valid(low), utf8.Valid(high))
		}
	}
	only := strings.Repeat("\U0010ffff", textLimit)
	if got := upper(nil, []byte(only)); string(got) != only {
		t.Errorf("a text with no larger one is cut to %d bytes", len(got))
	}
}
