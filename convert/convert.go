// Package convert turns records into the bytes of a file. The formats are in
// the directories below; compress holds the containers around them.
package convert

import (
	"errors"
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
	// Close writes what is left. It does not close the underlying writer. After
	// ErrAgain what was written is worthless.
	Close() error
	// Abandon gives up what the encoder holds when there will be no Close. It
	// writes nothing, and does nothing after Close.
	Abandon()
}

// ErrAgain says that an encoder had to see the records before it could know
// how to encode them, as when it infers their schema. Now the format knows
// more: the same records have to be given to a new encoder. That one may have
// something to learn, too, but the formats have an end to it.
var ErrAgain = errors.New("the records have to be encoded again")

// Format makes encoders.
type Format interface {
	NewEncoder(w io.Writer) (Encoder, error)
	// Extension is what a file name ends with: ".parquet", or "" for raw records.
	Extension() string
	// ContentType is the media type of an uncompressed object.
	ContentType() string
}
