package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hydrant-dev/hydrant/convert/column"
)

const parquetMagic = "PAR1"

// maxFooter is more than files of tens of thousands of columns have.
const maxFooter = 256 << 20

// parquetFooter is the part of the metadata of a Parquet file that says what
// columns there are.
type parquetFooter struct {
	Schema thrift.Slice[format.SchemaElement] `thrift:"2,required"`
}

// readParquet reads the columns of a Parquet file.
func readParquet(f io.ReaderAt, size int64) (*column.Schema, error) {
	var tail [8]byte
	if size < 12 {
		return nil, errors.New("the file is too short for a Parquet file")
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) == "PARE" {
		return nil, errors.New("the footer is encrypted")
	}
	if string(tail[4:]) != parquetMagic || length > maxFooter || length > size-12 {
		return nil, errors.New("the file does not end as a Parquet file does; it may not be whole")
	}
	footer := make([]byte, length)
	if _, err := f.ReadAt(footer, size-8-length); err != nil {
		return nil, err
	}
	return parseParquetFooter(footer)
}

func parseParquetFooter(footer []byte) (*column.Schema, error) {
	var meta parquetFooter
	reader := new(thrift.CompactProtocol).NewReaderFromBytes(footer)
	if err := thrift.NewDecoder(reader).Decode(&meta); err != nil {
		return nil, fmt.Errorf("read the footer: %w", err)
	}
	r := &parquetReader{elements: meta.Schema}
	root, err := r.next(0)
	if err != nil {
		return nil, err
	}
	if len(r.elements) > 0 {
		return nil, errors.New("the footer describes columns that belong to nothing")
	}
	s := &column.Schema{}
	for _, child := range root.children {
		f, err := child.field()
		if err != nil {
			return nil, err
		}
		s.Columns = append(s.Columns, f)
	}
	return s, nil
}

// parquetNode is a node of the schema as a tree: the file has it as a list.
type parquetNode struct {
	format.SchemaElement
	path     string
	children []*parquetNode
}

type parquetReader struct {
	elements []format.SchemaElement // those left
	path     string
	room     room
}

func (r *parquetReader) next(depth int) (*parquetNode, error) {
	if len(r.elements) == 0 {
		return nil, errors.New("the footer describes fewer columns than it counts")
	}
	if depth > maxDepth || !r.room.take() {
		return nil, fmt.Errorf("there are more than %d fields or %d levels", maxFields, maxDepth)
	}
	n := &parquetNode{SchemaElement: r.elements[0], path: r.path}
	r.elements = r.elements[1:]
	if depth > 0 {
		if n.path != "" {
			n.path += "."
		}
		n.path += n.Name
	}
	for range n.NumChildren.V {
		r.path = n.path
		child, err := r.next(depth + 1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	return n, nil
}

func (n *parquetNode) repeated() bool { return n.RepetitionType.V == format.Repeated }

func (n *parquetNode) group() bool { return !n.Type.Valid }

func (n *parquetNode) converted(t deprecated.ConvertedType) bool {
	return n.ConvertedType.Valid && n.ConvertedType.V == t
}

func (n *parquetNode) fail(format string, args ...any) error {
	return fmt.Errorf("column %s: %s", n.path, fmt.Sprintf(format, args...))
}

// field returns the field for a node where it stands: one that repeats without
// being a list is a list too.
func (n *parquetNode) field() (column.Field, error) {
	t, err := n.columnType()
	f := column.Field{Name: n.Name, Type: t, Required: n.RepetitionType.V == format.Required}
	if n.repeated() {
		f.Type, f.Required = column.ArrayOf(t), true
		f.Type.Fields[0].Required = true
	}
	return f, err
}

// columnType returns the type of one value of a node.
func (n *parquetNode) columnType() (column.Type, error) {
	if !n.group() {
		return n.plainType()
	}
	if len(n.children) == 0 {
		return column.Type{}, n.fail("a group without fields cannot be a column")
	}
	switch n.LogicalType.Value.(type) {
	case *format.ListType:
		return n.list()
	case *format.MapType:
		return n.mapping()
	case *format.VariantType:
		return column.Type{}, n.fail("a variant cannot be a column; leave it out or store it as a string")
	}
	switch {
	case n.converted(deprecated.List):
		return n.list()
	case n.converted(deprecated.Map), n.converted(deprecated.MapKeyValue) && !n.repeated():
		return n.mapping()
	}
	t := column.Type{Kind: column.Struct}
	for _, child := range n.children {
		f, err := child.field()
		if err != nil {
			return t, err
		}
		t.Fields = append(t.Fields, f)
	}
	return t, nil
}

// list follows the rules for lists of all ages in parquet-format's
// LogicalTypes.md: of the two groups of a list older writers have only one.
func (n *parquetNode) list() (column.Type, error) {
	if len(n.children) != 1 || !n.children[0].repeated() {
		return column.Type{}, n.fail("a list must have one repeated field")
	}
	middle := n.children[0]
	var f column.Field
	var err error
	if middle.group() && len(middle.children) == 1 && !middle.children[0].repeated() &&
		middle.Name != "array" && middle.Name != n.Name+"_tuple" {
		f, err = middle.children[0].field()
	} else {
		f.Required = true
		f.Type, err = middle.columnType()
	}
	t := column.ArrayOf(f.Type)
	t.Fields[0].Required = f.Required
	return t, err
}

func (n *parquetNode) mapping() (column.Type, error) {
	if len(n.children) != 1 || !n.children[0].repeated() || len(n.children[0].children) != 2 {
		return column.Type{}, n.fail("a map must have one repeated group of a key and a value")
	}
	key, err := n.children[0].children[0].field()
	if err != nil {
		return column.Type{}, err
	}
	if key.Type.Kind.Nested() {
		return column.Type{}, n.fail("the key of a map must be a plain type and is %s", key.Type)
	}
	value, err := n.children[0].children[1].field()
	t := column.MapOf(key.Type, value.Type)
	t.Fields[1].Required = value.Required
	return t, err
}

// plainType returns the type for a leaf. Hive has no time of day: it stays the
// number it is. A uuid becomes a string, an interval stays bytes.
func (n *parquetNode) plainType() (column.Type, error) {
	switch l := n.LogicalType.Value.(type) {
	case *format.DecimalType:
		return n.decimal(int(l.Precision), int(l.Scale))
	case *format.IntType:
		return column.Type{Kind: intKind(int(l.BitWidth), l.IsSigned), Precision: intDigits(int(l.BitWidth), l.IsSigned)}, nil
	case *format.TimeType:
		if l.Unit.Value != nil && l.Unit.Value.Duration() == time.Millisecond {
			return column.Type{Kind: column.Int}, nil
		}
		return column.Type{Kind: column.BigInt}, nil
	case *format.TimestampType:
		return column.Type{Kind: column.Timestamp}, nil
	case *format.DateType:
		return column.Type{Kind: column.Date}, nil
	case *format.StringType, *format.EnumType, *format.JsonType, *format.UUIDType:
		return column.Type{Kind: column.String}, nil
	case *format.Float16Type:
		return column.Type{Kind: column.Float}, nil
	}
	if n.converted(deprecated.Decimal) {
		return n.decimal(int(n.Precision.V), int(n.Scale.V))
	}
	if n.ConvertedType.Valid {
		if t, ok := parquetConverted[n.ConvertedType.V]; ok {
			return t, nil
		}
	}
	kind, ok := parquetPhysical[n.Type.V]
	if !ok {
		return column.Type{}, n.fail("type %d is not known", n.Type.V)
	}
	return column.Type{Kind: kind}, nil
}

var parquetPhysical = map[format.Type]column.Kind{format.Boolean: column.Boolean, format.Int32: column.Int, format.Int64: column.BigInt,
	format.Int96: column.Timestamp, format.Float: column.Float, format.Double: column.Double,
	format.ByteArray: column.Binary, format.FixedLenByteArray: column.Binary}

var parquetConverted = map[deprecated.ConvertedType]column.Type{
	deprecated.UTF8:            {Kind: column.String},
	deprecated.Enum:            {Kind: column.String},
	deprecated.Json:            {Kind: column.String},
	deprecated.Date:            {Kind: column.Date},
	deprecated.TimeMillis:      {Kind: column.Int},
	deprecated.TimeMicros:      {Kind: column.BigInt},
	deprecated.TimestampMillis: {Kind: column.Timestamp},
	deprecated.TimestampMicros: {Kind: column.Timestamp},
	deprecated.Uint8:           {Kind: column.SmallInt},
	deprecated.Uint16:          {Kind: column.Int},
	deprecated.Uint32:          {Kind: column.BigInt},
	deprecated.Uint64:          {Kind: column.Decimal, Precision: 20},
	deprecated.Int8:            {Kind: column.TinyInt},
	deprecated.Int16:           {Kind: column.SmallInt},
	deprecated.Int32:           {Kind: column.Int},
	deprecated.Int64:           {Kind: column.BigInt},
}

// intKind returns the smallest type that holds all integers of so many bits.
func intKind(bits int, signed bool) column.Kind {
	if !signed {
		bits++
	}
	switch {
	case bits <= 8:
		return column.TinyInt
	case bits <= 16:
		return column.SmallInt
	case bits <= 32:
		return column.Int
	case bits <= 64:
		return column.BigInt
	}
	return column.Decimal
}

// intDigits is the precision of the decimal that unsigned integers of 64 bits need.
func intDigits(bits int, signed bool) int {
	if intKind(bits, signed) == column.Decimal {
		return 20
	}
	return 0
}

func (n *parquetNode) decimal(precision, scale int) (column.Type, error) {
	if precision < 1 || precision > column.MaxPrecision || scale < 0 || scale > precision {
		return column.Type{}, n.fail("decimal(%d,%d) cannot be a column, which has at most %d digits", precision, scale, column.MaxPrecision)
	}
	return column.Type{Kind: column.Decimal, Precision: precision, Scale: scale}, nil
}
