package redshift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// writer makes an object of a batch, and the manifest that has it loaded.
type writer struct {
	sinks.Writer // of the object
	sink         *Sink
	spool        sinks.Spool
	seqs         []uint64
}

func (w *writer) Add(c *buffer.Chunk, rows []int) error {
	if err := w.Writer.Add(c, rows); err != nil {
		return err
	}
	w.seqs = slices.Grow(w.seqs, len(rows))
	for _, row := range rows {
		if c.Pending(row) { // else the encoder failed it and left it out
			w.seqs = append(w.seqs, c.Position(row).Seq)
		}
	}
	return nil
}

// What the payload of a COPY says in its headers.
const (
	headerFeed   = "feed"   // the feed its records are from
	headerObject = "object" // key of the object that is loaded
	headerSize   = "size"   // of the object, in bytes
)

// manifests and failedManifests are where manifests are in the bucket. What
// follows is the key of the object.
const (
	manifests       = "manifests/"
	failedManifests = "errors/" + manifests
)

// Seal returns the object and its COPY, or nothing if no record was written.
// The COPY's body is the manifest. It is what the records are counted in: an
// object that is only staged is not delivered.
func (w *writer) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	payloads, err := w.Writer.Seal(p)
	if err != nil || len(payloads) == 0 {
		return nil, err
	}
	staged := &payloads[0]
	content, err := spoolManifest(w.spool, w.sink.url(staged.Name), staged.Size)
	if err != nil {
		return nil, err
	}
	load := sinks.Payload{
		Content: content,
		ID:      p.ID().Sub("redshift/" + w.sink.stream + "/" + w.sink.table.SQL()).String(),
		Name:    manifests + staged.Name,
		Count:   staged.Count,
		Headers: map[string]string{headerFeed: p.Feed, headerObject: staged.Name, headerSize: strconv.FormatInt(staged.Size, 10)},
		Seqs:    w.seqs,
	}
	staged.Count = buffer.Count{}
	return append(payloads, load), nil
}

// manifest names the objects of a COPY.
//
// Source: docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html.
type manifest struct {
	Entries []entry `json:"entries"`
}

type entry struct {
	URL       string `json:"url"`
	Mandatory bool   `json:"mandatory"` // or a missing object would be loaded as nothing
	Meta      meta   `json:"meta"`
}

type meta struct {
	ContentLength int64 `json:"content_length"` // Parquet needs it
}

// spoolManifest writes the manifest of one object.
func spoolManifest(spool sinks.Spool, url string, size int64) (sinks.Content, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(manifest{[]entry{{url, true, meta{size}}}}); err != nil {
		return sinks.Content{}, fmt.Errorf("write manifest: %w", err)
	}
	f, err := spool.Create()
	if err != nil {
		return sinks.Content{}, fmt.Errorf("create spool file: %w", err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return sinks.Content{}, fmt.Errorf("write manifest: %w", err)
	}
	content, err := f.Finish()
	if err != nil {
		return content, fmt.Errorf("finish spool file: %w", err)
	}
	return content, nil
}
