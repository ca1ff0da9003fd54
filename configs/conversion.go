package configs

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/sinks"
)

// converting is a destination that can turn records into files of columns.
type converting interface {
	// Convert gives it the conversion. It comes first: other defaults depend
	// on it.
	Convert(*conversion.Config)
	// Conversion returns what Convert gave, or nil.
	Conversion() *conversion.Config
}

const (
	conversionName = "data_format_conversion"
	outputName     = "output_format"
)

// describeConversion adds the conversion to the fields of a destination.
func describeConversion(destination *Field, formats map[string]func() column.Output) {
	c := conversion.Default()
	c.Schema.Infer = conversion.DefaultInfer()
	f := describe(join(destination.Path, conversionName), c)
	f.Doc = "Turns JSON records into files of columns. Left out: objects hold the records as they came."
	rows := make(map[string]func() any, len(formats))
	for name, make := range formats {
		rows[name] = func() any { return make() }
	}
	output := choice(join(f.Path, outputName), "What the objects are: exactly one key.", rows)
	at := slices.IndexFunc(f.Fields, func(c *Field) bool { return c.Name == "schema" })
	f.Fields = slices.Insert(f.Fields, at, output)
	destination.Fields = append(destination.Fields, f)
}

// decodeConversion gives a destination the conversion that is written for it,
// and returns whether nothing is wrong with it.
func (l *loader) decodeConversion(s *section, dest *yaml.Node, path string, config sinks.Config) bool {
	_, n := get(dest, conversionName)
	destination, ok := config.(converting)
	if !ok || n == nil || empty(n) {
		return true
	}
	path = join(path, conversionName)
	key, output := pick(n, outputName)
	if key == nil {
		return false // said by check
	}
	c := conversion.Default()
	c.OutputName, c.Output = key.Value, l.tables.formats[key.Value]()
	infer := at(n, "schema", "infer")
	if infer != nil {
		c.Schema.Infer = conversion.DefaultInfer()
	}
	ok = l.decodeInto(s, without(n, outputName), path, c)
	if infer != nil && empty(infer) { // "infer:" is enough, as is "direct_put:"
		c.Schema.Infer = conversion.DefaultInfer()
	}
	for _, source := range []string{"schema", "schema.infer", "schema.file"} {
		if l.missed[join(path, source)] { // columns are not missing then
			l.missed[join(path, "schema.columns")] = true
		}
	}
	ok = l.decode(s, output, join(path, outputName+"."+c.OutputName), c.Output) && ok
	if ok = ok && l.complain(s, path, c.ReadFile(s.file.dir)); ok {
		destination.Convert(c)
	}
	return ok
}

// conversionNode writes a conversion as it would stand in a file.
func conversionNode(c *conversion.Config) *yaml.Node {
	n := valueNode(reflect.ValueOf(c))
	output := mapping(c.OutputName, valueNode(reflect.ValueOf(c.Output)))
	n.Content = append(n.Content, text(outputName), output)
	return n
}

// Conversion returns what converts the stream's records, or nil.
func (s *Stream) Conversion() *conversion.Config {
	if d, ok := s.Destination.Config.(converting); ok {
		return d.Conversion()
	}
	return nil
}

// inlineColumns puts columns in the place of the file they were read from. A
// snapshot then needs no file, and a file with other columns makes another
// configuration.
func inlineColumns(n *yaml.Node, stream *Stream) {
	c := stream.Conversion()
	if c == nil || c.FileColumns() == nil {
		return
	}
	if n = at(n, "destination", stream.Destination.Kind, conversionName, "schema"); n == nil {
		return
	}
	*n = *without(n, "file")
	n.Content = append(n.Content, text("columns"), valueNode(reflect.ValueOf(c.FileColumns())))
}

// at returns the value that names lead to, or nil.
func at(n *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if _, n = get(n, name); n == nil {
			return nil
		}
	}
	return n
}
