package object

import "github.com/hydrant-dev/hydrant/buffer"

// AppendErrorLine appends the line that the error output has for a record:
// what else writes failed records shall not look different.
func AppendErrorLine(dst []byte, f *buffer.Failure, p buffer.Position, arrivalMillis int64, data []byte) []byte {
	return appendErrorLine(dst, f, p, arrivalMillis, data)
}
