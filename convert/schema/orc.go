package schema

import (
	"io"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
)

const orcMagic = "ORC"

// readORC reads the columns of an ORC file.
func readORC(f io.ReaderAt, size int64) (*column.Schema, error) {
	r, err := orc.Open(f, size)
	if err != nil {
		return nil, err
	}
	return r.Schema(), nil
}
