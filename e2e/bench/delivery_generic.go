package main

import (
	"compress/gzip"
	"io"
	"path"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks"
)

// genericSink makes objects with what there is and leaves sending to ours.
type genericSink struct {
	sinks.Sink
	form objectForm
}

func (g genericSink) Batch(spool sinks.Spool) sinks.Writer {
	return &genericWriter{spool: spool, form: g.form}
}

type genericWriter struct {
	spool  sinks.Spool
	form   objectForm
	file   sinks.SpoolFile
	object genericObject
	count  buffer.Count
}

// genericObject is an object being written.
type genericObject interface {
	add(record []byte) error
	Close() error
}

func (g *genericWriter) Add(c *buffer.Chunk, rows []int) error {
	if g.file == nil {
		file, err := g.spool.Create()
		if err != nil {
			return err
		}
		g.file, g.object = file, g.form.generic(file)
	}
	for _, row := range rows {
		record := c.Bytes(row)
		if err := g.object.add(record); err != nil {
			return err
		}
		g.count = g.count.Add(buffer.Count{Records: 1, Bytes: uint64(len(record))})
	}
	return nil
}

func (g *genericWriter) Abandon() {}

func (f objectForm) generic(w io.Writer) genericObject {
	if f == parquetObjects {
		return newGenericParquet(w, columnsOf("clicks"), "snappy")
	}
	return genericGzip{gzip.NewWriter(w)}
}

// genericGzip is lines by compress/gzip.
type genericGzip struct{ *gzip.Writer }

func (g genericGzip) add(record []byte) error {
	if _, err := g.Write(record); err != nil {
		return err
	}
	_, err := io.WriteString(g, "\n")
	return err
}

func (g *genericWriter) Seal(p buffer.Plan) ([]sinks.Payload, error) {
	if g.file == nil {
		return nil, nil
	}
	if err := g.object.Close(); err != nil {
		return nil, err
	}
	content, err := g.file.Finish()
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"Content-Type": "application/octet-stream"}
	if g.form == gzipObjects {
		headers["Content-Encoding"] = "gzip"
	}
	return []sinks.Payload{{
		Content: content, ID: p.ID().String(), Name: path.Join("bench", p.ID().String()), Count: g.count, Headers: headers,
	}}, nil
}
