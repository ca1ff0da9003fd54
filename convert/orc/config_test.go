package orc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/column"
)

func TestValidateNamesTheFieldAndWhatToWrite(t *testing.T) {
	for path, change := range map[string]func(c *Config){
		"stripe_size":                             func(c *Config) { c.StripeSize = 1 << 20 },
		"row_index_stride":                        func(c *Config) { c.RowIndexStride = 10 },
		"dictionary_key_threshold":                func(c *Config) { c.DictionaryKeyThreshold = 1.5 },
		"padding_tolerance":                       func(c *Config) { c.PaddingTolerance = -1 },
		"block_size":                              func(c *Config) { c.BlockSize = 1 },
		"bloom_filter_columns":                    func(c *Config) { c.BloomFilterColumns = []string{" "} },
		"bloom_filter_false_positive_probability": func(c *Config) { c.BloomFilterProbability = 0 },
	} {
		err := config(change).Validate()
		var problem *field.Error
		if !errors.As(err, &problem) || problem.Path != path || problem.Hint == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
}

func TestBlocksMustHoldAStripeIfTheyAreFilled(t *testing.T) {
	err := config(func(c *Config) { c.EnablePadding, c.StripeSize, c.BlockSize = true, 128<<20, 64<<20 }).Validate()
	if err == nil || !strings.Contains(err.Error(), "block_size") {
		t.Errorf("err = %v", err)
	}
}

func TestWordsAreReadInAnyLetterCase(t *testing.T) {
	var c Compression
	var v Version
	if err := errors.Join(c.UnmarshalText([]byte("zlib")), v.UnmarshalText([]byte("v0_11"))); err != nil || c != Zlib || v != V0_11 {
		t.Errorf("%v %v %v", c, v, err)
	}
	if c.UnmarshalText([]byte("brotli")) == nil || v.UnmarshalText([]byte("1")) == nil {
		t.Error("unknown words are taken")
	}
}

func TestBloomFilterColumnsMustExistAndFit(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "flag", Type: column.Type{Kind: column.Boolean}}}}
	for name, want := range map[string]string{"flag": "of type boolean", "other": "is not a column"} {
		_, err := config(func(c *Config) { c.BloomFilterColumns = []string{name} }).NewFile(io.Discard, s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestFooterSaysWhoWroteTheFileAndHow(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.Int}}}}
	c := config(func(c *Config) { c.Metadata = map[string]string{"team": "web", "a": "b"} })
	p := parse(t, write(t, c, s, []map[string]any{{"a": int64(1)}}, 1, 1))
	info := p.reader.Info()
	info.Columns = nil
	want := Info{Rows: 1, Stripes: 1, RowIndexStride: 1000, Compression: "SNAPPY", Version: "0.12", Writer: "hydrant", Metadata: c.Metadata}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Error(diff)
	}
}

type full struct{ left int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.Int}}}}
	whole := len(write(t, config(nil), s, []map[string]any{{"a": int64(1)}}, 1, 1))
	for room := range whole {
		err := func() error {
			f, err := config(nil).NewFile(&full{room}, s)
			if err != nil {
				return err
			}
			g := f.NewGroup()
			if err := g.Write(one(s, int64(1))); err != nil {
				return err
			}
			if err := f.Append(g); err != nil {
				if again := f.Close(); !errors.Is(again, errFull) {
					t.Errorf("with room for %d bytes Close = %v after a failed Append", room, again)
				}
				return err
			}
			return f.Close()
		}()
		if !errors.Is(err, errFull) {
			t.Errorf("with room for %d of %d bytes: %v", room, whole, err)
		}
	}
}

func TestPaddingFillsABlockThatHasNoRoom(t *testing.T) {
	s := &column.Schema{Columns: []column.Field{{Name: "a", Type: column.Type{Kind: column.Int}}}}
	c := config(func(c *Config) { c.EnablePadding = true; c.BlockSize = 64 << 20 })
	for _, at := range []struct{ before, after int64 }{
		{100, 100},                       // there is room
		{64<<20 - 10, 64 << 20},          // there is none
		{60 << 20, 60 << 20},             // there is room to the end
		{64 << 20, 64 << 20},             // a new block
		{64<<20 - 4<<20, 64<<20 - 4<<20}, // more is left than may be filled
	} {
		var out bytes.Buffer
		created, err := c.NewFile(&out, s)
		if err != nil {
			t.Fatal(err)
		}
		f := created.(*File)
		f.written = at.before
		size := 5 << 20
		if at.before == 60<<20 {
			size = 4 << 20
		}
		if err := f.pad(size); err != nil || f.written != at.after {
			t.Errorf("from %d: %d, %v, want %d", at.before, f.written, err, at.after)
		}
	}
}
