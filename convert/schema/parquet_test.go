package schema

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

func TestParquetFilesOfOtherWriters(t *testing.T) {
	for name, want := range map[string]string{
		"alltypes_plain": "id:int,bool_col:boolean,tinyint_col:int,smallint_col:int,int_col:int,bigint_col:bigint,float_col:float," +
			"double_col:double,date_string_col:binary,string_col:binary,timestamp_col:timestamp",
		"list_columns":                "int64_list:array<bigint>,utf8_list:array<string>",
		"nested_maps.snappy":          "a:map<string,map<int,boolean not null>>,b:int not null,c:double not null",
		"repeated_no_annotation":      "id:int not null,phoneNumbers:struct<phone:array<struct<number:bigint not null,kind:string> not null> not null>",
		"fixed_length_decimal_legacy": "value:decimal(13,2)",
		"nonnullable.impala": "ID:bigint not null,Int_Array:array<int not null> not null,int_array_array:array<array<int not null> not null> not null," +
			"Int_Map:map<string,int not null> not null,int_map_array:array<map<string,int not null> not null> not null," +
			"nested_Struct:struct<a:int not null,B:array<int not null> not null," +
			"c:struct<D:array<array<struct<e:int not null,f:string not null> not null> not null> not null> not null," +
			"G:map<string,struct<h:struct<i:array<double not null> not null> not null> not null> not null> not null",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ReadFile(filepath.Join("testdata", "parquet", name+".parquet"))
			if err != nil {
				t.Fatal(err)
			}
			if got := row(f.Schema); got != "struct<"+want+">" {
				t.Errorf("got  %s\nwant struct<%s>", got, want)
			}
			if f.Kind != "Parquet file" {
				t.Errorf("got kind %q", f.Kind)
			}
		})
	}
}

// element is a node of a Parquet schema with what is below.
type element struct {
	format.SchemaElement
	children []element
}

type change func(*element)

func leaf(name string, repetition format.FieldRepetitionType, physical format.Type, changes ...change) element {
	e := element{SchemaElement: format.SchemaElement{Name: name, RepetitionType: thrift.New(repetition), Type: thrift.New(physical)}}
	for _, c := range changes {
		c(&e)
	}
	return e
}

func group(name string, repetition format.FieldRepetitionType, annotation change, children ...element) element {
	e := element{SchemaElement: format.SchemaElement{Name: name, RepetitionType: thrift.New(repetition), NumChildren: thrift.New(int32(len(children)))}, children: children}
	annotation(&e)
	return e
}

func plain(*element) {}

func logical(v format.LogicalTypeValue) change {
	return func(e *element) { e.LogicalType.Value = v }
}

func converted(c deprecated.ConvertedType) change {
	return func(e *element) { e.ConvertedType = thrift.New(c) }
}

func (e element) flat(to []format.SchemaElement) []format.SchemaElement {
	to = append(to, e.SchemaElement)
	for _, c := range e.children {
		to = c.flat(to)
	}
	return to
}

// parquetFile makes a file without rows.
func parquetFile(t testing.TB, columns ...element) []byte {
	t.Helper()
	root := group("schema", format.Required, plain, columns...)
	meta := struct {
		Version   int32                              `thrift:"1,required"`
		Schema    thrift.Slice[format.SchemaElement] `thrift:"2,required"`
		NumRows   int64                              `thrift:"3,required"`
		CreatedBy string                             `thrift:"6,optional"`
	}{Version: 1, Schema: root.flat(nil), CreatedBy: "test"}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), meta)
	if err != nil {
		t.Fatal(err)
	}
	file := append([]byte(parquetMagic), footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	return append(file, parquetMagic...)
}

func TestParquetTypes(t *testing.T) {
	const opt, req, rep = format.Optional, format.Required, format.Repeated
	i32 := func(c change) element { return leaf("x", opt, format.Int32, c) }
	i64 := func(c change) element { return leaf("x", opt, format.Int64, c) }
	text := func(c change) element { return leaf("x", opt, format.ByteArray, c) }
	micros := format.TimeUnit{Value: &format.MicroSeconds{}}
	list, mapping := logical(&format.ListType{}), logical(&format.MapType{})
	key := leaf("key", req, format.ByteArray, converted(deprecated.UTF8))
	for _, c := range []struct {
		want string
		x    element
	}{
		{"boolean", leaf("x", opt, format.Boolean)},
		{"int not null", leaf("x", req, format.Int32)},
		{"bigint", leaf("x", opt, format.Int64)},
		{"timestamp", leaf("x", opt, format.Int96)},
		{"float", leaf("x", opt, format.Float)},
		{"double", leaf("x", opt, format.Double)},
		{"binary", leaf("x", opt, format.FixedLenByteArray)},
		{"binary", leaf("x", opt, format.FixedLenByteArray, converted(deprecated.Interval))},
		{"string", text(logical(&format.StringType{}))},
		{"string", text(logical(&format.EnumType{}))},
		{"string", text(logical(&format.JsonType{}))},
		{"binary", text(logical(&format.BsonType{}))},
		{"string", text(converted(deprecated.UTF8))},
		{"string", leaf("x", opt, format.FixedLenByteArray, logical(&format.UUIDType{}))},
		{"float", leaf("x", opt, format.FixedLenByteArray, logical(&format.Float16Type{}))},
		{"date", i32(logical(&format.DateType{}))},
		{"date", i32(converted(deprecated.Date))},
		{"tinyint", i32(logical(&format.IntType{BitWidth: 8, IsSigned: true}))},
		{"smallint", i32(logical(&format.IntType{BitWidth: 8}))},
		{"smallint", i32(converted(deprecated.Int16))},
		{"int", i32(converted(deprecated.Uint16))},
		{"bigint", i32(logical(&format.IntType{BitWidth: 32}))},
		{"bigint", i64(logical(&format.IntType{BitWidth: 64, IsSigned: true}))},
		{"decimal(20,0)", i64(logical(&format.IntType{BitWidth: 64}))},
		{"decimal(20,0)", i64(converted(deprecated.Uint64))},
		{"decimal(9,2)", i32(logical(&format.DecimalType{Precision: 9, Scale: 2}))},
		{"int", i32(logical(&format.TimeType{Unit: format.TimeUnit{Value: &format.MilliSeconds{}}}))},
		{"bigint", i64(logical(&format.TimeType{Unit: micros}))},
		{"timestamp", i64(logical(&format.TimestampType{Unit: micros, IsAdjustedToUTC: true}))},
		{"timestamp", i64(logical(&format.TimestampType{Unit: micros}))},
		{"timestamp", i64(converted(deprecated.TimestampMillis))},

		{"struct<a:int,b:struct<c:bigint not null> not null>", group("x", opt, plain, leaf("a", opt, format.Int32), group("b", req, plain, leaf("c", req, format.Int64)))},
		{"array<int not null> not null", leaf("x", rep, format.Int32)},
		{"array<struct<a:int> not null> not null", group("x", rep, plain, leaf("a", opt, format.Int32))},
		{"array<int>", group("x", opt, list, group("list", rep, plain, leaf("element", opt, format.Int32)))},
		{"array<int not null>", group("x", opt, converted(deprecated.List), group("bag", rep, plain, leaf("array_element", req, format.Int32)))},
		{"array<int not null>", group("x", opt, list, leaf("array", rep, format.Int32))},
		{"array<struct<a:int,b:int> not null>", group("x", opt, list, group("element", rep, plain, leaf("a", opt, format.Int32), leaf("b", opt, format.Int32)))},
		{"array<struct<a:int> not null>", group("x", opt, list, group("array", rep, plain, leaf("a", opt, format.Int32)))},
		{"array<struct<a:int> not null>", group("x", opt, list, group("x_tuple", rep, plain, leaf("a", opt, format.Int32)))},
		{"array<array<int> not null>", group("x", opt, list, group("array", rep, list, group("list", rep, plain, leaf("element", opt, format.Int32))))},
		{"array<struct<a:array<int not null> not null> not null>", group("x", opt, list, group("element", rep, plain, leaf("a", rep, format.Int32)))},
		{"map<string,int>", group("x", opt, mapping, group("key_value", rep, plain, key, leaf("value", opt, format.Int32)))},
		{"map<string,int not null>", group("x", opt, converted(deprecated.Map), group("map", rep, converted(deprecated.MapKeyValue), key, leaf("value", req, format.Int32)))},
		{"map<string,array<int>>", group("x", opt, converted(deprecated.MapKeyValue), group("map", rep, plain, key,
			group("value", opt, list, group("list", rep, plain, leaf("element", opt, format.Int32)))))},
	} {
		f, err := parsed(t, parquetFile(t, c.x))
		if err != nil {
			t.Errorf("want %s: %v", c.want, err)
			continue
		}
		if got := row(f.Schema); got != "struct<x:"+c.want+">" {
			t.Errorf("got  %s\nwant struct<x:%s>", got, c.want)
		}
	}
}

// parsed reads a file that is not on a disk.
func parsed(t testing.TB, file []byte) (*File, error) {
	t.Helper()
	return read("t.parquet", bytes.NewReader(file), int64(len(file)))
}

func TestParquetFilesThatCannotBeTables(t *testing.T) {
	const hint = " (correct the file, or describe the columns another way)"
	x := leaf("x", format.Optional, format.Int32)
	whole := parquetFile(t, x)
	list := logical(&format.ListType{})
	short := bytes.Clone(whole)
	short[len(short)-8]++
	for want, file := range map[string][]byte{
		"the file is too short for a Parquet file":                                     whole[:8],
		"the file does not end as a Parquet file does; it may not be whole":            whole[:len(whole)-1],
		"the footer is encrypted":                                                      append(bytes.Clone(whole[:len(whole)-4]), "PARE"...),
		"column x: a variant cannot be a column; leave it out or store it as a string": parquetFile(t, group("x", format.Optional, logical(&format.VariantType{}), leaf("metadata", format.Required, format.ByteArray))),
		"column a.x: a list must have one repeated field":                              parquetFile(t, group("a", format.Optional, plain, group("x", format.Optional, list, x))),
		"column x: a group without fields cannot be a column":                          parquetFile(t, group("x", format.Optional, plain)),
		"column x: a map must have one repeated group of a key and a value":            parquetFile(t, group("x", format.Optional, logical(&format.MapType{}), group("key_value", format.Repeated, plain, x))),
		"column x: the key of a map must be a plain type and is struct<x:int>": parquetFile(t, group("x", format.Optional, logical(&format.MapType{}),
			group("key_value", format.Repeated, plain, group("key", format.Required, plain, x), x))),
		"column x: decimal(40,2) cannot be a column, which has at most 38 digits": parquetFile(t, leaf("x", format.Optional, format.ByteArray, logical(&format.DecimalType{Precision: 40, Scale: 2}))),
		`the name "X" is there twice`: parquetFile(t, x, leaf("X", format.Optional, format.Int32)),
		"there are no columns":        parquetFile(t),
	} {
		if _, err := parsed(t, file); err == nil || err.Error() != "read columns from t.parquet: "+want+hint {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := parsed(t, short); err == nil {
		t.Error("a footer with the wrong length was read")
	}
}

func TestFootersThatCountWrongAreRefused(t *testing.T) {
	deep := leaf("x", format.Optional, format.Int32)
	for range maxDepth + 1 {
		deep = group("x", format.Optional, plain, deep)
	}
	more := group("x", format.Optional, plain, leaf("y", format.Optional, format.Int32))
	more.NumChildren = thrift.New(int32(1 << 30))
	fewer := group("x", format.Optional, plain, leaf("y", format.Optional, format.Int32), leaf("z", format.Optional, format.Int32))
	fewer.NumChildren = thrift.New(int32(1))
	for want, x := range map[string]element{"levels": deep, "fewer columns than it counts": more, "columns that belong to nothing": fewer} {
		if _, err := parsed(t, parquetFile(t, x)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func FuzzParquetFooter(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "parquet", "*.parquet"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		length := binary.LittleEndian.Uint32(file[len(file)-8:])
		f.Add(file[len(file)-8-int(length) : len(file)-8])
	}
	f.Fuzz(func(t *testing.T, footer []byte) {
		s, err := parseParquetFooter(footer)
		if err == nil && check(s) == nil {
			if _, err := FromColumns(Columns(s)); err != nil {
				t.Fatalf("%s: %v", row(s), err)
			}
		}
	})
}
