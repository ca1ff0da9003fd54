package inspect

import (
	"archive/zip"
	"fmt"
)

// zip looks into the first entry of an archive; Firehose's have one.
func (r *Report) zip(o Object, rows int) error {
	r.Kind = "ZIP archive"
	archive, err := zip.NewReader(o, o.Size)
	if err != nil {
		return fmt.Errorf("it begins as a ZIP archive but is damaged or cut off: %w", err)
	}
	for _, e := range archive.File {
		r.Entries = append(r.Entries, Entry{e.Name, int64(e.CompressedSize64), int64(e.UncompressedSize64)})
	}
	for _, e := range archive.File {
		if e.FileInfo().IsDir() {
			continue
		}
		in, err := e.Open()
		if err != nil {
			return fmt.Errorf("open entry %s: %w", e.Name, err)
		}
		if err := r.inside(in, rows); err != nil {
			return fmt.Errorf("entry %s: %w", e.Name, err)
		}
		r.Content.Name = e.Name
		break
	}
	return nil
}
