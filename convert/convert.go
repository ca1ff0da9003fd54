// Package convert turns records into the bytes of a file. The formats are in
// the directories below; compress holds the containers around them.
package convert

import (
	"io"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Encoder writes records to the writer it was made with, as they come: its
// memory does not grow with the number of records. It is used by one
// goroutine. The same records in the same order give the same bytes, however
// they are divided between calls.
type Encoder interface {
	// Append encodes rows of c. A row that cannot be represented is failed in
	// the chunk and left out. It keeps nothing of c.
	Append(c *buffer.Chunk, rows []int) error
	// Close writes what is left. It does not close the underlying writer.
	Close() error
}

// Format makes encoders.
type Format interface {
	NewEncoder(w io.Writer) (Encoder, error)
	// Extension is what a file name ends with: ".parquet", or "" for raw records.
	Extension() string
	// ContentType is the media type of an uncompressed object.
	ContentType() string
}
