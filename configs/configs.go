// Package configs reads the configuration, and is the only code that reads
// YAML. A file goes through these steps, each in a file of its own: it is read
// (file.go), parsed into a tree (parse.go), checked for what does not belong
// there (check.go), variables are replaced (expand.go), structs that hold their
// defaults are filled and validated (decode.go), and the streams are compared
// with each other (cross.go). Every step reports what it finds and goes on, so
// that all mistakes are shown at once, each with its place in the file.
package configs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Version is the version of the configuration's format.
const Version = 1

// Config is the whole configuration.
type Config struct {
	Server      Server
	Connections []*Connection // by name
	Streams     []*Stream     // in the order they are written
}

// Stream returns the stream of that name, or nil.
func (c *Config) Stream(name string) *Stream {
	for _, s := range c.Streams {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Connection is what several streams share to reach a destination.
type Connection struct {
	Name   string
	Kind   string // a key of [Connections]
	Config any
}

// Stream is the configuration of one delivery stream.
type Stream struct {
	Name        string            `yaml:"-"`
	Description string            `yaml:"description" doc:"For people."`
	Tags        map[string]string `yaml:"tags" doc:"For people and dashboards."`
	Shards      int               `yaml:"shards" doc:"Parts that are read, encoded and delivered in parallel. Records keep their order within one."`
	Source      Source            `yaml:"-"`
	Destination Destination       `yaml:"-"`

	// Snapshot is a configuration file with this stream and the connection it
	// uses, and with its variables as they were written, so that it can be kept
	// on disk. [LoadSnapshot] reads it.
	Snapshot []byte `yaml:"-"`
	// Hash is of the snapshot. Streams with equal hashes are configured equally
	// but for the content of variables.
	Hash string `yaml:"-"`

	content string // hash of the configuration, content of variables included
}

// Source says where records come from.
type Source struct {
	Kind   string // a key of [Sources]
	Config any
}

// Destination says where records go.
type Destination struct {
	Kind        string // a key of [Sinks]
	Connections []Use  // of shared connections
	Config      sinks.Config
}

// Use is where a destination names a shared connection.
type Use struct {
	Part string // the field that holds it: "s3_backup"; "" is the destination itself
	Name string
}

// Equal reports whether a stream that runs with s would run the same with
// other, so that a reload can leave it alone. Variables count with their
// content.
func (s *Stream) Equal(other *Stream) bool {
	return s.Hash == other.Hash && s.content == other.content
}

const maxShards = 256

func defaultStream() *Stream { return &Stream{Shards: 1} }

// Validate checks what concerns neither source nor destination.
func (s *Stream) Validate() error {
	if s.Shards < 1 || s.Shards > maxShards {
		return field.Errorf("shards", fmt.Sprintf("write a number from 1 to %d", maxShards), "%d is out of range", s.Shards)
	}
	return nil
}

// Load reads configuration files and folders of them; env looks up variables,
// as os.LookupEnv does. Connections and streams of all files are merged by
// name. The configuration holds whatever is free of errors; it is complete if
// the problems have not Failed.
func Load(paths []string, env func(string) (string, bool)) (*Config, Problems) {
	return load(paths, env, builtin())
}

func load(paths []string, env func(string) (string, bool), t tables) (*Config, Problems) {
	l := newLoader(env, t)
	names, err := findFiles(paths)
	if err != nil {
		l.problems = append(l.problems, Problem{ID: "unreadable-file", Severity: Error, Text: err.Error(),
			Help: "give files with -c", Place: Place{File: firstOf(paths)}})
	}
	var files []*file
	for i, name := range names {
		f, err := readFile(name)
		if err != nil {
			f = newFile(name, ".", 0, nil)
			f.order = i
			l.report(f, Problem{ID: "unreadable-file", Text: "read configuration: " + cause(err)}, nil)
			continue
		}
		f.order = i
		files = append(files, f)
	}
	return l.load(files)
}

// Parse reads one configuration from memory. The name stands for the file in
// messages; dir is where relative paths begin.
func Parse(name, dir string, data []byte, env func(string) (string, bool)) (*Config, Problems) {
	return newLoader(env, builtin()).load([]*file{newFile(name, dir, 0o600, data)})
}

func firstOf(paths []string) string {
	if len(paths) == 0 {
		return "configuration"
	}
	return paths[0]
}

// cause is the innermost reason of an error, without the paths around it.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func byName(a, b *Connection) int { return cmp.Compare(a.Name, b.Name) }

func sortConnections(cs []*Connection) { slices.SortFunc(cs, byName) }
