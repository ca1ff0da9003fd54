package configs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// StreamSource is the source of a stream that delivers the records of another
// one, too.
type StreamSource struct {
	Name    string  `yaml:"name" required:"true" doc:"The stream to follow: one with records of its own. source: {stream: name} says the same."`
	StartAt StartAt `yaml:"start_at" doc:"Where a new stream begins: with the oldest record that is still on disk, or with the next that is accepted. A stream that has begun goes on where it was."`
}

// Short is the field that is meant where one value stands for the source.
func (*StreamSource) Short() string { return "name" }

// Validate checks that a stream is named.
func (s *StreamSource) Validate() error {
	if s.Name == "" {
		return field.Errorf("name", "write source: {stream: name}", "is missing: the stream to follow")
	}
	return nil
}

// StartAt is where a stream begins to follow another.
type StartAt string

// The words of StartAt.
const (
	StartOldest StartAt = "oldest"
	StartNewest StartAt = "newest"
)

// Values returns the words.
func (StartAt) Values() []string { return []string{string(StartOldest), string(StartNewest)} }

// UnmarshalText reads one of Values.
func (s *StartAt) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, s.Values()...)
	if err == nil {
		*s = StartAt(word)
	}
	return err
}

// follows returns the source of a stream that follows another, or nil.
func (s *Stream) follows() *StreamSource {
	source, _ := s.Source.Config.(*StreamSource)
	return source
}

// checkFollowers looks for the streams that others follow. A snapshot holds
// one stream and no other.
func (l *loader) checkFollowers() {
	for _, s := range l.config.Streams {
		source := s.follows()
		if source == nil || l.alone {
			continue
		}
		here, path := l.streams[s.Name], "streams."+s.Name+".source.stream.name"
		report := func(p Problem) {
			p.Path, p.Text = path, path+": "+p.Text
			l.report(here.file, p, l.resolve(here, path))
		}
		leader := l.config.Stream(source.Name)
		switch {
		case source.Name == s.Name:
			report(Problem{ID: "follow-cycle", Text: "a stream cannot follow itself", Help: "name the stream that has the records"})
		case l.streams[source.Name] == nil:
			help, _ := didYouMean(source.Name, slices.Sorted(maps.Keys(l.streams)))
			report(Problem{ID: "unknown-stream", Text: fmt.Sprintf("there is no stream %q", source.Name), Help: help})
		case leader == nil: // it has problems of its own
		case leader.follows() != nil:
			report(l.chain(s, leader))
		}
		if at := "streams." + s.Name + ".shards"; l.exists(here, at) {
			l.report(here.file, Problem{ID: "follower-shards", Path: at,
				Text: fmt.Sprintf("%s: a stream that follows another works in as many parts as that one", at),
				Help: "remove it; set shards of " + source.Name}, l.resolve(here, at))
		}
	}
}

// chain tells that s follows a stream that follows another one itself.
func (l *loader) chain(s, leader *Stream) Problem {
	there := l.streams[leader.Name]
	related := l.other(there.file, l.resolve(there, "streams."+leader.Name+".source.stream.name"), "stream "+leader.Name+" follows another itself")
	seen := map[string]bool{}
	for end := leader; end != nil && !seen[end.Name]; {
		if end.Name == s.Name {
			return Problem{ID: "follow-cycle", Text: "the streams follow each other, and none has the records",
				Help: "one of them needs another source", Related: related}
		}
		seen[end.Name] = true
		next := end.follows()
		if next == nil {
			return Problem{ID: "follow-chain", Text: fmt.Sprintf("stream %s has no records of its own", leader.Name), Related: related,
				Help: fmt.Sprintf("write stream: %s; what %s does to its records stays there", end.Name, leader.Name)}
		}
		end = l.config.Stream(next.Name)
	}
	return Problem{ID: "follow-chain", Text: fmt.Sprintf("stream %s has no records of its own", leader.Name),
		Help: "follow a stream that has", Related: related}
}
