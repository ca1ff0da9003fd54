// Package transform rewrites records between the feed and the encoder, as
// Firehose's processors do. Each transform is a file of this package.
package transform

import (
	"context"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Transformer changes the pending rows of a chunk: it may drop a row, fail
// it, or leave it. An error means that the transform itself did not work;
// the worker tries the chunk again later.
type Transformer interface {
	Transform(ctx context.Context, c *buffer.Chunk) error
}
