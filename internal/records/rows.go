package records

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/hydrant-dev/hydrant/internal/inspect"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// rows are those of a Parquet file, as JSON objects.
type rows struct {
	rows   *inspect.ParquetRows
	number int64
}

func newRows(content io.ReaderAt, e object.Entry, read *atomic.Int64) (*rows, error) {
	o := inspect.InBlocks(inspect.Object{Name: e.Key, Size: e.Size, ReaderAt: countedAt{content, read}})
	r, err := inspect.OpenParquetRows(o)
	return &rows{rows: r}, err
}

func (r *rows) next() (Record, error) {
	row, err := r.rows.Next()
	if err != nil {
		if err != io.EOF {
			err = errors.Join(err, r.rows.Close())
		}
		return Record{}, err
	}
	r.number++
	return Record{Data: row, Number: r.number}, nil
}

type countedAt struct {
	r io.ReaderAt
	n *atomic.Int64
}

func (c countedAt) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(p, at)
	c.n.Add(int64(n))
	return n, err
}
