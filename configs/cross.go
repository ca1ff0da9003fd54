package configs

import (
	"fmt"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/conversion"
)

// cross compares the parts of the configuration with each other.
func (l *loader) cross() {
	l.checkFollowers()
	l.checkSharedPlaces()
	for _, s := range l.config.Streams {
		l.checkSmallObjects(s)
		l.checkSmallFiles(s)
	}
	l.checkFileModes()
}

// checkSharedPlaces warns of two streams that write to one place: their objects
// never collide, but whoever reads them cannot tell them apart.
func (l *loader) checkSharedPlaces() {
	type place struct{ bucket, prefix string }
	first := map[place]*Stream{}
	for _, s := range l.config.Streams {
		d, ok := s.Destination.Config.(objects)
		if !ok {
			continue
		}
		var at place
		at.bucket, at.prefix = d.Location()
		other := first[at]
		if other == nil {
			first[at] = s
			continue
		}
		here, there := l.streams[s.Name], l.streams[other.Name]
		path := destinationPath(s)
		label := fmt.Sprintf("stream %s writes there too", other.Name)
		node := l.resolve(there, join(destinationPath(other), "prefix"))
		l.report(here.file, Problem{ID: "shared-prefix", Severity: Warning, Path: join(path, "prefix"),
			Text:    fmt.Sprintf("%s: streams %s and %s write to the same bucket and prefix", path, other.Name, s.Name),
			Help:    fmt.Sprintf("give each a prefix of its own, such as %s/", s.Name),
			Related: l.other(there.file, node, label),
		}, l.resolve(here, join(path, "prefix")))
	}
}

// smallInterval is below which engines that read many objects begin to suffer.
const smallInterval = 60 * time.Second

func (l *loader) checkSmallObjects(s *Stream) {
	d, ok := s.Destination.Config.(hinted)
	if _, isObjects := s.Destination.Config.(objects); !ok || !isObjects {
		return
	}
	_, interval := d.Hints()
	if interval >= smallInterval || interval <= 0 {
		return
	}
	at := join(destinationPath(s), "buffering_hints.interval")
	section := l.streams[s.Name]
	if !l.exists(section, at) {
		return // a default is no mistake
	}
	perDay := int64(s.Shards) * int64(24*time.Hour/interval)
	l.report(section.file, Problem{ID: "small-objects", Severity: Warning, Path: at,
		Text: fmt.Sprintf("%s: %v cuts about %s objects a day", at, interval, thousands(perDay)),
		Help: "60s or more suits query engines better"}, l.resolve(section, at))
}

// checkSmallFiles warns of files of columns that query engines read slowly.
// Firehose takes no less than conversion.DefaultSize.
func (l *loader) checkSmallFiles(s *Stream) {
	d, ok := s.Destination.Config.(hinted)
	c := s.Conversion()
	if !ok || c == nil || !c.Enabled {
		return
	}
	size, _ := d.Hints()
	at := join(destinationPath(s), "buffering_hints.size")
	section := l.streams[s.Name]
	if size >= conversion.DefaultSize || !l.exists(section, at) {
		return
	}
	l.report(section.file, Problem{ID: "small-objects", Severity: Warning, Path: at,
		Text: fmt.Sprintf("%s: %v make small files of columns", at, field.Size(size)),
		Help: field.Size(conversion.DefaultSize).String() + " or more suits query engines better, and is what Firehose demands"}, l.resolve(section, at))
}

// checkFileModes warns of secrets in files that everyone on the machine reads.
func (l *loader) checkFileModes() {
	for _, f := range l.files {
		if len(f.blots) == 0 || f.mode&0o004 == 0 {
			continue
		}
		at := f.blots[0]
		l.report(f, Problem{ID: "world-readable-secret", Severity: Warning, Place: at,
			Text: fmt.Sprintf("%s holds secrets and every user of this machine can read it", f.name),
			Help: "chmod 640 " + f.name}, nil)
	}
}

func destinationPath(s *Stream) string {
	return "streams." + s.Name + ".destination." + s.Destination.Kind
}

// thousands writes 17280 as 17 280.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
