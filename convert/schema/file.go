package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// File is what a file says about the columns of a table.
type File struct {
	Schema *column.Schema
	Kind   string // "Avro schema", "JSON Schema", "Hive DDL", "Glue table", "list of columns", "Parquet file" or "ORC file"
}

// maxText is more than any text about columns has: a larger file is data.
const maxText = 8 << 20

const kinds = "an Avro schema, a JSON Schema, Hive DDL, the output of aws glue get-table, a schema.json of hydrant, or a Parquet or ORC file"

// ReadFile reads the columns that a file describes. Data files are known by
// their content, texts by their extension (.avsc, .json, .sql, .ddl, .hql) or
// else by their content. An error is an *Error when it is about what the file
// says; one about a text has line and column.
func ReadFile(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: name, Text: "it is not a file", Hint: "name " + kinds}
	}
	return read(name, f, info.Size())
}

func read(name string, f io.ReaderAt, size int64) (*File, error) {
	start := make([]byte, min(size, 4))
	if _, err := f.ReadAt(start, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read columns from %s: %w", name, err)
	}
	switch {
	case string(start) == parquetMagic:
		s, err := readParquet(f, size)
		return described(name, "Parquet file", s, err)
	case bytes.HasPrefix(start, []byte(orcMagic)):
		s, err := readORC(f, size)
		return described(name, "ORC file", s, err)
	case size > maxText:
		return nil, &Error{File: name, Text: fmt.Sprintf("it has %d bytes, far more than a description of columns", size), Hint: "name " + kinds}
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read columns from %s: %w", name, err)
	}
	return Parse(name, text)
}

// described finishes what was read from a file.
func described(name, kind string, s *column.Schema, err error) (*File, error) {
	if err == nil {
		err = check(s)
	}
	own := (*Error)(nil)
	switch {
	case errors.As(err, &own):
		return nil, err
	case err != nil:
		return nil, &Error{File: name, Text: err.Error(), Hint: "correct the file, or describe the columns another way"}
	}
	return &File{Schema: s, Kind: kind}, nil
}

// Parse reads a text that describes columns. The extension of its name says
// what it is, and the content where that does not.
func Parse(name string, text []byte) (*File, error) {
	body := bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // Windows editors put it there
	src := &source{name: name, text: body}
	trimmed := bytes.TrimSpace(body)
	var kind string
	var s *column.Schema
	var err error
	switch extension := strings.ToLower(filepath.Ext(name)); {
	case len(trimmed) == 0:
		err = src.fail(0, "write "+kinds, "the file is empty")
	case !utf8.Valid(body):
		err = &Error{File: name, Text: "it is neither text in UTF-8 nor a file of columns", Hint: "name " + kinds}
	case trimmed[0] == '{' || trimmed[0] == '[' || extension == ".avsc" || extension == ".json":
		kind, s, err = parseJSONText(src, extension)
	default:
		kind = "Hive DDL"
		s, err = parseDDL(src)
	}
	return described(name, kind, s, err)
}

// parseJSONText tells the descriptions in JSON apart.
func parseJSONText(src *source, extension string) (kind string, s *column.Schema, err error) {
	root, err := parseJSON(src)
	if err != nil {
		return "", nil, err
	}
	if l := findListing(root); l != nil {
		s, err = l.parse(src)
		return l.kind, s, err
	}
	if extension == ".avsc" || isAvro(root) {
		s, err = parseAvro(src, root)
		return "Avro schema", s, err
	}
	if root.kind != '{' {
		return "", nil, src.fail(root.at, "name "+kinds, "%s does not describe columns", root.what())
	}
	s, err = parseJSONSchema(src, root)
	return "JSON Schema", s, err
}

// isAvro reports whether the JSON describes a record in the way of Avro; a
// JSON Schema has no such type.
func isAvro(root *node) bool {
	return root.text("type") == "record" || root.get("fields") != nil && root.get("properties") == nil
}
