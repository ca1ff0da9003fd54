package inspect

import (
	"archive/zip"
	"errors"
	"fmt"
)

// mostInside is how many entries of an archive are looked into.
const mostInside = 3

// zip lists the entries of an archive and looks into the first few;
// Firehose's have one.
func (r *Report) zip(o Object, rows int) error {
	r.Kind = "ZIP archive"
	archive, err := zip.NewReader(o, o.Size)
	if err != nil {
		return fmt.Errorf("it begins as a ZIP archive but is damaged or cut off: %w", err)
	}
	looked := 0
	for _, f := range archive.File {
		e := Entry{Name: f.Name, Compressed: int64(f.CompressedSize64), Uncompressed: int64(f.UncompressedSize64), Method: method(f)}
		if !f.Modified.IsZero() {
			e.Modified = &f.Modified
		}
		if looked < mostInside && !f.FileInfo().IsDir() {
			looked++
			if e.Content, err = entry(f, rows); err != nil {
				e.Content = &Report{Name: f.Name, Kind: "not readable", Details: []Detail{{"why", err.Error()}}}
			}
		}
		r.Entries = append(r.Entries, e)
	}
	return nil
}

func entry(f *zip.File, rows int) (*Report, error) {
	if f.Flags&encrypted != 0 {
		return nil, errors.New("it is encrypted; unpack the archive with its password first")
	}
	in, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, fmt.Errorf("its compression, %s, is not known here; unpack the archive first", method(f))
	}
	if err != nil {
		return nil, fmt.Errorf("open entry: %w", err)
	}
	return inside("a ZIP entry", f.Name, in, rows)
}

// encrypted is a bit of an entry's flags.
//
// Source: PKWARE, APPNOTE.TXT, section 4.4.4; the methods are in 4.4.5.
const encrypted = 1

var methods = map[uint16]string{zip.Store: "stored", zip.Deflate: "deflate", 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "XZ", 99: "AES"}

func method(f *zip.File) string {
	if name := methods[f.Method]; name != "" {
		return name
	}
	return fmt.Sprintf("method %d", f.Method)
}
