package parquet

import (
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// Numbers of apache/parquet-format, src/main/thrift/parquet.thrift.

// physical is the type of the bytes of values.
type physical uint8

const (
	typeBoolean   physical = 0
	typeInt32     physical = 1
	typeInt64     physical = 2
	typeInt96     physical = 3
	typeFloat     physical = 4
	typeDouble    physical = 5
	typeByteArray physical = 6
	typeFixed     physical = 7
)

const (
	repetitionRequired = 0
	repetitionOptional = 1
	repetitionRepeated = 2
)

const (
	convertedUTF8            = 0
	convertedMap             = 1
	convertedList            = 3
	convertedDecimal         = 5
	convertedDate            = 6
	convertedTimestampMillis = 9
	convertedTimestampMicros = 10
	convertedInt8            = 15
	convertedInt16           = 16
)

const (
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTimestamp = 8
	logicalInteger   = 10
)

// node is a field of the table.
type node struct {
	field    *column.Field
	children []*node
	leaf     *leaf // nil if the field is nested

	// def is the definition level of a value that is present; of an array or
	// map: of one that is present and empty. rep is the repetition level of
	// the entries of an array or map.
	def, rep uint32
}

// leaf is a column of the file.
type leaf struct {
	kind           column.Kind
	path           []string // names in the file: "tags", "list", "element"
	name           string   // the path of fields: "tags.element"
	physical       physical
	width          int    // bytes of a value; 0 for byte arrays
	divisor        int64  // of timestamps: nanoseconds in the unit of the file
	maxDef, maxRep uint32 // levels
	order          order
	encoding       encoding // without a dictionary
	dictionary     bool     // try one
	bloom          bool
}

// tree is the schema as the file has it.
type tree struct {
	roots  []*node
	leaves []*leaf
	// elements is the list of SchemaElements, and count their number.
	elements []byte
	count    int
}

// newTree makes the schema of a file. Structs become groups, arrays and maps
// the three-level groups of LogicalTypes.md.
func newTree(s *column.Schema, c *Config) (*tree, error) {
	if len(s.Columns) == 0 {
		return nil, fmt.Errorf("lay out parquet file: the schema has no columns")
	}
	b := treeBuilder{config: c}
	b.group("schema", -1, len(s.Columns))
	b.out.end()
	for i := range s.Columns {
		b.roots = append(b.roots, b.node(&s.Columns[i], nil, "", 0, 0))
	}
	b.elements = b.out.out
	if err := b.chooseBlooms(); err != nil {
		return nil, err
	}
	return &b.tree, nil
}

type treeBuilder struct {
	tree
	config *Config
	out    thrift
}

// group begins the SchemaElement of a group; the caller adds what it stands
// for and ends it. The root has no repetition: -1.
func (b *treeBuilder) group(name string, repetition, children int) {
	b.count++
	b.out.begin()
	if repetition >= 0 {
		b.out.i32Field(3, repetition)
	}
	b.out.stringField(4, name)
	b.out.i32Field(5, children)
}

// node adds a field below path. def and rep are the levels of what it is in.
func (b *treeBuilder) node(f *column.Field, path []string, name string, def, rep uint32) *node {
	n := &node{field: f, def: def, rep: rep}
	repetition := repetitionRequired
	if !f.Required {
		repetition = repetitionOptional
		n.def++
	}
	path = append(path[:len(path):len(path)], f.Name)
	name += f.Name
	fields := f.Type.Fields
	switch f.Type.Kind {
	case column.Struct:
		b.group(f.Name, repetition, len(fields))
		b.out.end()
		for i := range fields {
			n.children = append(n.children, b.node(&fields[i], path, name+".", n.def, rep))
		}
	case column.Array, column.Map:
		converted, logical, inner := convertedList, byte(logicalList), "list"
		if f.Type.Kind == column.Map {
			converted, logical, inner = convertedMap, logicalMap, "key_value"
		}
		b.group(f.Name, repetition, 1)
		b.out.i32Field(6, converted)
		b.out.structField(10)
		b.out.emptyField(logical)
		b.out.end()
		b.out.end()
		b.group(inner, repetitionRepeated, len(fields))
		b.out.end()
		n.rep++
		for i := range fields {
			n.children = append(n.children, b.node(&fields[i], append(path, inner), name+".", n.def+1, n.rep))
		}
	default:
		n.leaf = b.leaf(f, path, name, n)
		b.element(f, n.leaf, repetition)
	}
	return n
}

func (b *treeBuilder) leaf(f *column.Field, path []string, name string, n *node) *leaf {
	l := &leaf{kind: f.Type.Kind, path: path, name: name, maxDef: n.def, maxRep: n.rep, divisor: 1, dictionary: b.config.Dictionary}
	switch f.Type.Kind {
	case column.Boolean:
		l.physical, l.order, l.dictionary = typeBoolean, signedOrder, false
	case column.TinyInt, column.SmallInt, column.Int, column.Date:
		l.physical, l.width, l.order = typeInt32, 4, signedOrder
	case column.BigInt:
		l.physical, l.width, l.order = typeInt64, 8, signedOrder
	case column.Float:
		l.physical, l.width, l.order = typeFloat, 4, floatOrder
	case column.Double:
		l.physical, l.width, l.order = typeDouble, 8, doubleOrder
	case column.Decimal:
		// As Spark writes them: short ones are integers, which every reader of
		// the last years knows, and which are read and compared fastest.
		l.order = signedOrder
		switch {
		case f.Type.Wide():
			l.physical, l.width, l.order = typeFixed, decimalWidth(f.Type.Precision), wideOrder
		case f.Type.Precision > 9:
			l.physical, l.width = typeInt64, 8
		default:
			l.physical, l.width = typeInt32, 4
		}
	case column.Timestamp:
		l.physical, l.width, l.order = typeInt64, 8, signedOrder
		switch b.config.Timestamps {
		case Millis:
			l.divisor = 1e6
		case Micros:
			l.divisor = 1e3
		case Int96:
			l.physical, l.width, l.order = typeInt96, 12, noOrder
		}
	default:
		l.physical, l.order = typeByteArray, bytesOrder
	}
	l.encoding = b.config.Encodings.of(l.physical)
	b.leaves = append(b.leaves, l)
	return l
}

// decimalWidth returns how many bytes hold the unscaled values of a precision.
func decimalWidth(precision int) int {
	// log2(10) is a little less than 3.3220; one bit more is for the sign.
	return (precision*33220/10000 + 1 + 1 + 7) / 8
}

// element writes the SchemaElement of a leaf.
func (b *treeBuilder) element(f *column.Field, l *leaf, repetition int) {
	b.count++
	t := &b.out
	t.begin()
	t.i32Field(1, int(l.physical))
	if l.physical == typeFixed {
		t.i32Field(2, l.width)
	}
	t.i32Field(3, repetition)
	t.stringField(4, f.Name)
	switch f.Type.Kind {
	case column.String, column.Varchar, column.Char:
		t.i32Field(6, convertedUTF8)
		t.structField(10)
		t.emptyField(logicalString)
		t.end()
	case column.Decimal:
		t.i32Field(6, convertedDecimal)
		t.i32Field(7, f.Type.Scale)
		t.i32Field(8, f.Type.Precision)
		t.structField(10)
		t.structField(logicalDecimal)
		t.i32Field(1, f.Type.Scale)
		t.i32Field(2, f.Type.Precision)
		t.end()
		t.end()
	case column.Date:
		t.i32Field(6, convertedDate)
		t.structField(10)
		t.emptyField(logicalDate)
		t.end()
	case column.TinyInt:
		b.integer(convertedInt8, 8)
	case column.SmallInt:
		b.integer(convertedInt16, 16)
	case column.Timestamp:
		b.timestamp()
	}
	t.end()
}

func (b *treeBuilder) integer(converted int, bits int8) {
	b.out.i32Field(6, converted)
	b.out.structField(10)
	b.out.structField(logicalInteger)
	b.out.i8Field(1, bits)
	b.out.boolField(2, true)
	b.out.end()
	b.out.end()
}

func (b *treeBuilder) timestamp() {
	var unit byte
	switch b.config.Timestamps {
	case Int96: // has no annotation
		return
	case Millis:
		b.out.i32Field(6, convertedTimestampMillis)
		unit = 1
	case Micros:
		b.out.i32Field(6, convertedTimestampMicros)
		unit = 2
	case Nanos:
		unit = 3
	}
	b.out.structField(10)
	b.out.structField(logicalTimestamp)
	b.out.boolField(1, true) // adjusted to UTC
	b.out.structField(2)
	b.out.emptyField(unit)
	b.out.end()
	b.out.end()
	b.out.end()
}

// chooseBlooms marks the columns that are to have bloom filters.
func (b *treeBuilder) chooseBlooms() error {
	for _, name := range b.config.BloomFilterColumns {
		found := false
		for _, l := range b.leaves {
			if l.name != name {
				continue
			}
			if l.physical == typeBoolean {
				return fmt.Errorf("lay out parquet file: bloom_filter_columns: %q is boolean and gains nothing from a bloom filter; remove it", name)
			}
			l.bloom, found = true, true
		}
		if !found {
			return fmt.Errorf("lay out parquet file: bloom_filter_columns: %q is not a column with plain values; write one of %s", name, b.names())
		}
	}
	return nil
}

func (b *treeBuilder) names() string {
	const most = 20
	var names []string
	for _, l := range b.leaves {
		if len(names) == most {
			return strings.Join(names, ", ") + ", ..."
		}
		names = append(names, l.name)
	}
	return strings.Join(names, ", ")
}
