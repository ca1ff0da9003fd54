package parquet

import "encoding/binary"

// Types of Thrift's compact protocol.
// Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
const (
	compactTrue   = 1
	compactFalse  = 2
	compactByte   = 3
	compactI16    = 4
	compactI32    = 5
	compactI64    = 6
	compactBinary = 8
	compactList   = 9
	compactStruct = 12
)

// thrift writes structs in Thrift's compact protocol. Fields must come in
// ascending order of their ids.
type thrift struct {
	out  []byte
	last byte // id of the last field of the innermost open struct
	open []byte
}

// begin opens a struct: the outermost one or an element of a list.
func (t *thrift) begin() {
	t.open = append(t.open, t.last)
	t.last = 0
}

// end closes the innermost struct.
func (t *thrift) end() {
	t.out = append(t.out, 0)
	t.last = t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
}

// field writes the header of a field. Ids of Parquet's structs are less than
// 15 apart, so the short form does.
func (t *thrift) field(id, kind byte) {
	t.out = append(t.out, (id-t.last)<<4|kind)
	t.last = id
}

func (t *thrift) uvarint(v uint64) { t.out = binary.AppendUvarint(t.out, v) }

// integer writes an element of a list of i32 or i64.
func (t *thrift) integer(v int64) { t.uvarint(uint64(v<<1) ^ uint64(v>>63)) }

// binary writes an element of a list of strings.
func (t *thrift) binary(b []byte) {
	t.uvarint(uint64(len(b)))
	t.out = append(t.out, b...)
}

// boolean writes an element of a list of bool.
func (t *thrift) boolean(v bool) {
	if v {
		t.out = append(t.out, compactTrue)
	} else {
		t.out = append(t.out, compactFalse)
	}
}

func (t *thrift) i8Field(id byte, v int8) {
	t.field(id, compactByte)
	t.out = append(t.out, byte(v))
}

func (t *thrift) i16Field(id byte, v int) {
	t.field(id, compactI16)
	t.integer(int64(v))
}

func (t *thrift) i32Field(id byte, v int) {
	t.field(id, compactI32)
	t.integer(int64(v))
}

func (t *thrift) i64Field(id byte, v int64) {
	t.field(id, compactI64)
	t.integer(v)
}

func (t *thrift) boolField(id byte, v bool) {
	if v {
		t.field(id, compactTrue)
	} else {
		t.field(id, compactFalse)
	}
}

func (t *thrift) binaryField(id byte, b []byte) {
	t.field(id, compactBinary)
	t.binary(b)
}

func (t *thrift) stringField(id byte, s string) {
	t.field(id, compactBinary)
	t.uvarint(uint64(len(s)))
	t.out = append(t.out, s...)
}

// structField opens a struct that is a field; end closes it.
func (t *thrift) structField(id byte) {
	t.field(id, compactStruct)
	t.begin()
}

// emptyField writes a struct without fields: what the branches of Parquet's
// unions are.
func (t *thrift) emptyField(id byte) {
	t.structField(id)
	t.end()
}

// listField begins a list; its elements follow.
func (t *thrift) listField(id, kind byte, n int) {
	t.field(id, compactList)
	if n < 15 {
		t.out = append(t.out, byte(n)<<4|kind)
		return
	}
	t.out = append(t.out, 0xf0|kind)
	t.uvarint(uint64(n))
}
