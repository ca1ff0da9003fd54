package configs

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/convert/arrow"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/orc"
	"github.com/hydrant-dev/hydrant/convert/parquet"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/elasticsearch"
	"github.com/hydrant-dev/hydrant/sinks/httpendpoint"
	"github.com/hydrant-dev/hydrant/sinks/opensearch"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
	"github.com/hydrant-dev/hydrant/sinks/redshift"
	"github.com/hydrant-dev/hydrant/sinks/s3"
	"github.com/hydrant-dev/hydrant/sinks/splunk"
)

// Sinks are the destinations, by the key under destination.
var Sinks = map[string]func() sinks.Config{
	"elasticsearch": elasticsearch.Default,
	"http_endpoint": httpendpoint.Default,
	"opensearch":    opensearch.Default,
	"postgres":      postgres.Default,
	"redshift":      redshift.Default,
	"s3":            s3.Default,
	"splunk":        splunk.Default,
}

// Formats are the file formats that records can be converted to, by the key
// under output_format.
var Formats = map[string]func() column.Output{
	"arrow":   arrow.Default,
	"orc":     orc.Default,
	"parquet": parquet.Default,
}

// Sources are the sources, by the key under source.
var Sources = map[string]func() any{
	"direct_put": func() any { return &DirectPut{} },
	"stream":     func() any { return &StreamSource{StartAt: StartOldest} },
}

// Connections are the kinds of connections that streams share by name.
var Connections = map[string]func() any{
	"elasticsearch": func() any { return elasticsearch.DefaultConnection() },
	"opensearch":    func() any { return elasticsearch.DefaultConnection() },
	"postgres":      func() any { return postgres.DefaultConnection() },
	"s3":            func() any { return s3.DefaultConnection() },
}

// DirectPut is the source of a stream that is written to with PutRecord and
// PutRecordBatch.
type DirectPut struct{}

// tables are the rows to choose from; tests bring their own.
type tables struct {
	sinks       map[string]func() sinks.Config
	sources     map[string]func() any
	connections map[string]func() any
	formats     map[string]func() column.Output
}

func builtin() tables { return tables{Sinks, Sources, Connections, Formats} }

// The component of a stream's configuration may say more about itself.
type (
	// validator checks a component on its own.
	validator interface{ Validate() error }
	// connected is a component that can be given a shared connection. It is
	// called before Validate with what the table of Connections made.
	connected interface{ UseConnection(connection any) error }
	// parted is a component with fields that are given connections of their
	// own: it returns pointers to them, by name.
	parted interface{ Parts() map[string]any }
	// objects is a destination that writes objects; small ones and two streams
	// in one place deserve a warning.
	objects interface {
		Location() (bucket, prefix string)
	}
	// shortened is a component that may be written as one value, which is that
	// of a field.
	shortened interface{ Short() string }
	// hinted is a destination with buffering hints.
	hinted interface {
		Hints() (size int64, interval time.Duration)
	}
)

// root describes the whole configuration.
func (t tables) root() *Field {
	root := &Field{Kind: Object, Fields: []*Field{
		{Name: "version", Path: "version", Kind: Number, Default: "1", Doc: "The version of this format."},
		describe("server", DefaultServer()),
		{Name: "connections", Path: "connections", Kind: Map,
			Doc:  "What streams share, by name: a destination says connection: name.",
			Elem: choice("connections.<name>", "", t.connections)},
		{Name: "streams", Path: "streams", Kind: Map,
			Doc:  "The delivery streams, by name.",
			Elem: t.stream()},
	}}
	root.Fields[1].Doc = "The process: its data, its ports, its limits."
	root.walk(func(f *Field) {
		if strings.HasPrefix(f.Path, "streams.") {
			f.AWS = awsNames[f.Name]
		}
	})
	return root
}

func (t tables) stream() *Field {
	f := describe("streams.<name>", defaultStream())
	rows := make(map[string]func() any, len(t.sinks))
	for name, make := range t.sinks {
		rows[name] = func() any { return make() }
	}
	destination := choice("streams.<name>.destination", "Where the records go: exactly one key.", rows)
	for _, d := range destination.Fields {
		if _, ok := t.sinks[d.Name]().(converting); ok {
			describeConversion(d, t.formats)
		}
	}
	f.Fields = append(f.Fields,
		choice("streams.<name>.source", "Where the records come from: exactly one key.", t.sources),
		destination)
	return f
}

func choice(path, doc string, rows map[string]func() any) *Field {
	f := &Field{Path: path, Name: path[strings.LastIndexByte(path, '.')+1:], Kind: Choice, Doc: doc, Required: true}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		f.Fields = append(f.Fields, describe(path+"."+name, rows[name]()))
	}
	return f
}
