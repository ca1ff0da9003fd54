package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

func (r *Report) arrowFile(o Object, rows int) error {
	r.Kind, r.GroupKind = "Arrow IPC file", "record batch"
	if err := checkArrowFile(o); err != nil {
		return fmt.Errorf("it begins as an Arrow IPC file, but it was cut off, is still being written, or is damaged: %w", err)
	}
	f, err := ipc.NewFileReader(io.NewSectionReader(o, 0, o.Size), ipc.WithAllocator(&bounded{}))
	if err != nil {
		return fmt.Errorf("it begins as an Arrow IPC file, but it was cut off, is still being written, or is damaged: %w", err)
	}
	defer f.Close() // nothing was written
	r.arrowColumns(f.Schema())
	codec, err := r.arrowBatches(o)
	if err != nil {
		return fmt.Errorf("its footer is damaged: %w", err)
	}
	r.add("compression", codec)
	for i := 0; i < f.NumRecords() && len(r.First) < rows; i++ {
		record, err := f.Record(i)
		if err != nil {
			return fmt.Errorf("its footer is right, but rows cannot be read: %w", err)
		}
		if err := r.arrowRows(record, rows); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) arrowStream(o Object, rows int) error {
	r.Kind, r.GroupKind = "Arrow IPC stream", "record batch"
	if err := checkArrowStream(o); err != nil {
		return fmt.Errorf("it begins as an Arrow IPC stream but is damaged or cut off: %w", err)
	}
	s, err := ipc.NewReader(io.NewSectionReader(o, 0, o.Size), ipc.WithAllocator(&bounded{}))
	if err != nil {
		return fmt.Errorf("it begins as an Arrow IPC stream but is damaged or cut off: %w", err)
	}
	defer s.Release()
	r.arrowColumns(s.Schema())
	for len(r.First) < rows && s.Next() {
		if err := r.arrowRows(s.Record(), rows); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("its schema is right, but rows cannot be read: %w", err)
	}
	r.add("rows", "not counted: a stream says so at each record batch only")
	return nil
}

func (r *Report) arrowColumns(s *arrow.Schema) {
	for _, f := range s.Fields() {
		r.Columns = append(r.Columns, Column{Name: f.Name, Type: f.Type.String(), Required: !f.Nullable})
	}
	m := s.Metadata()
	for i, key := range m.Keys() {
		r.Metadata = append(r.Metadata, Detail{key, m.Values()[i]})
	}
}

// arrowRows takes the first rows of a record batch.
func (r *Report) arrowRows(record arrow.Record, rows int) error {
	for i := 0; i < int(record.NumRows()) && len(r.First) < rows; i++ {
		dst := []byte{'{'}
		for c, column := range record.Columns() {
			dst = append(appendString(comma(dst), record.ColumnName(c)), ':')
			var err error
			if dst, err = appendArrow(dst, column, i); err != nil {
				return fmt.Errorf("read row %d: %w", i, err)
			}
		}
		r.First = append(r.First, append(dst, '}'))
	}
	return nil
}

// mostBatches bounds how many small reads a file may cost.
const mostBatches = 1000

// arrowBatches reads where the record batches are and how many rows they
// have. Arrow's reader keeps that to itself, and would read all of each.
//
// Source: apache/arrow, format/File.fbs and Message.fbs.
func (r *Report) arrowBatches(o Object) (codec string, err error) {
	end := make([]byte, 10)
	if _, err := o.ReadAt(end, o.Size-10); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	size := int64(binary.LittleEndian.Uint32(end)) // Arrow's reader has checked it
	buffer := make([]byte, size)
	if _, err := o.ReadAt(buffer, o.Size-10-size); err != nil {
		return "", err
	}
	footer := table(buffer, 0)
	at := footer.Offset(10) // recordBatches
	if at == 0 {
		r.Rows = new(int64)
		return "", nil
	}
	n, start := footer.VectorLen(flatbuffers.UOffsetT(at)), footer.Vector(flatbuffers.UOffsetT(at))
	r.Rows = new(int64)
	for i := range n {
		block := start + flatbuffers.UOffsetT(24*i)
		g := Group{Offset: footer.GetInt64(block), Compressed: footer.GetInt64(block + 16)}
		length := int64(footer.GetInt32(block + 8))
		// Arrow's reader takes as much memory as it is told.
		if g.Offset < 0 || length < 0 || g.Compressed < 0 || g.Offset > o.Size || length > o.Size-g.Offset || g.Compressed > o.Size-g.Offset-length {
			return "", errors.New("a record batch is outside of the file")
		}
		if n > mostBatches {
			r.Rows = nil
			continue
		}
		meta := make([]byte, length)
		if _, err := o.ReadAt(meta, g.Offset); err != nil {
			return "", err
		}
		if g.Rows, codec, err = arrowBatch(meta); err != nil {
			return "", err
		}
		*r.Rows += g.Rows
		r.Groups = append(r.Groups, g)
	}
	if n > mostBatches {
		r.add("record batches", grouped(int64(n)))
	}
	return codec, nil
}

// arrowBatch reads the head of a record batch.
func arrowBatch(meta []byte) (rows int64, codec string, err error) {
	skip := 4
	if len(meta) >= 8 && binary.LittleEndian.Uint32(meta) == 0xffffffff {
		skip = 8
	}
	if len(meta) < skip+4 {
		return 0, "", io.ErrUnexpectedEOF
	}
	message := table(meta[skip:], 0)
	at := message.Offset(8) // header
	if at == 0 {
		return 0, "", errors.New("a record batch has no header")
	}
	var batch flatbuffers.Table
	message.Union(&batch, flatbuffers.UOffsetT(at))
	if at := batch.Offset(4); at != 0 { // length
		rows = batch.GetInt64(batch.Pos + flatbuffers.UOffsetT(at))
	}
	codec = "NONE"
	if at := batch.Offset(10); at != 0 { // compression
		body := table(batch.Bytes, batch.Indirect(batch.Pos+flatbuffers.UOffsetT(at)))
		codec = "LZ4"
		if at := body.Offset(4); at != 0 && body.GetInt8(body.Pos+flatbuffers.UOffsetT(at)) == 1 {
			codec = "ZSTD"
		}
	}
	return rows, codec, nil
}

// table is the one at pos, or the root of the buffer at 0.
func table(b []byte, pos flatbuffers.UOffsetT) flatbuffers.Table {
	if pos == 0 {
		pos = flatbuffers.GetUOffsetT(b)
	}
	return flatbuffers.Table{Bytes: b, Pos: pos}
}

// bounded is an allocator that gives up when a damaged file asks for much
// more than the first rows can need. Inspect makes the panic an error.
type bounded struct {
	memory.GoAllocator
	held int
}

const mostMemory = 1 << 30

func (b *bounded) take(n int) {
	if b.held += n; b.held > mostMemory {
		panic("a record batch is said to take more than 1 GiB")
	}
}

func (b *bounded) Allocate(n int) []byte {
	b.take(n)
	return b.GoAllocator.Allocate(n)
}

func (b *bounded) Reallocate(n int, was []byte) []byte {
	b.take(n - len(was))
	return b.GoAllocator.Reallocate(n, was)
}

func (b *bounded) Free(was []byte) {
	b.held -= len(was)
	b.GoAllocator.Free(was)
}
