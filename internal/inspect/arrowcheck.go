package inspect

import (
	"encoding/binary"
	"errors"
	"io"

	flatbuffers "github.com/google/flatbuffers/go"
)

var errSchema = errors.New("the schema is damaged")

// checkArrowFile looks at the lengths in the footer, and checkArrowStream at
// those in the first message: Arrow's reader makes room for as many columns as
// it is told, and a program without memory ends, whatever it recovers.
func checkArrowFile(o Object) error {
	if o.Size < 18 {
		return io.ErrUnexpectedEOF
	}
	end := make([]byte, 10)
	if _, err := o.ReadAt(end, o.Size-10); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(end))
	if string(end[4:]) != "ARROW1" || size < 8 || size > min(o.Size-18, largestFooter) {
		return errors.New("there is no footer")
	}
	buffer := make([]byte, size)
	if _, err := o.ReadAt(buffer, o.Size-10-size); err != nil {
		return err
	}
	footer := table(buffer, 0)
	at := footer.Offset(6) // schema
	if at == 0 {
		return errSchema
	}
	return checkSchema(table(buffer, footer.Indirect(footer.Pos+flatbuffers.UOffsetT(at))))
}

func checkArrowStream(o Object) error {
	head := make([]byte, 8)
	if _, err := o.ReadAt(head, 0); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint32(head[4:]))
	if size < 8 || size > min(o.Size-8, largestFooter) {
		return io.ErrUnexpectedEOF
	}
	buffer := make([]byte, size)
	if _, err := o.ReadAt(buffer, 8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	message := table(buffer, 0)
	at := message.Offset(8) // header
	if at == 0 {
		return errSchema
	}
	var schema flatbuffers.Table
	message.Union(&schema, flatbuffers.UOffsetT(at))
	return checkSchema(schema)
}

func checkSchema(schema flatbuffers.Table) error {
	left := len(schema.Bytes) / 4 // fields take at least their place in a vector
	if err := checkLength(schema, 8); err != nil {
		return err
	}
	return checkFields(schema, 6, &left, 0)
}

// checkFields looks at the fields in a vector and those below.
func checkFields(parent flatbuffers.Table, slot flatbuffers.VOffsetT, left *int, depth int) error {
	at := flatbuffers.UOffsetT(parent.Offset(slot))
	if at == 0 {
		return nil
	}
	n, start := parent.VectorLen(at), parent.Vector(at)
	if *left -= n; n < 0 || *left < 0 || depth > 64 {
		return errSchema
	}
	for i := range n {
		field := table(parent.Bytes, parent.Indirect(start+flatbuffers.UOffsetT(4*i)))
		if err := checkLength(field, 16); err != nil {
			return err
		}
		if err := checkFields(field, 14, left, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// checkLength looks at a vector of keys and values.
func checkLength(t flatbuffers.Table, slot flatbuffers.VOffsetT) error {
	if at := flatbuffers.UOffsetT(t.Offset(slot)); at != 0 {
		if n := t.VectorLen(at); n < 0 || n > len(t.Bytes)/4 {
			return errSchema
		}
	}
	return nil
}
