package server

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/stream"
)

// Apply makes the running streams what config says. It returns what changed,
// in words. Deliveries under way in changed streams get as long as a stop.
func (s *Server) Apply(ctx context.Context, config *configs.Config) []string {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	var changes []string
	if old := s.config.Load(); old != nil {
		changes = s.applyServer(old.Server, config)
	}
	specs := make([]stream.Spec, len(config.Streams))
	for i, c := range config.Streams {
		specs[i] = s.spec(c, config.Server)
	}
	s.config.Store(config)
	ctx, cancel := context.WithTimeout(ctx, config.Server.ShutdownTimeout.Std())
	defer cancel()
	changes = append(changes, s.set.Apply(ctx, specs)...)
	s.metrics.Reloaded()
	return changes
}

// applyServer changes what can be changed of the server while it runs, the
// access keys, and leaves the rest of that section as it is.
func (s *Server) applyServer(old configs.Server, config *configs.Config) (changes []string) {
	keys := config.Server.API.AccessKeys
	if s.handler != nil && !reflect.DeepEqual(old.API.AccessKeys, keys) {
		s.handler.SetAccessKeys(keys)
		changes = append(changes, "changed the access keys")
	}
	old.API.AccessKeys = keys
	if !reflect.DeepEqual(old, config.Server) {
		s.log.Warn("the server section changed; restart hydrant to apply that part; access keys are applied")
		config.Server = old
	}
	return changes
}

// Reload reads the configuration with load and applies it. If it has
// mistakes, the old one stays.
func (s *Server) Reload(ctx context.Context, load func() (*configs.Config, configs.Problems)) error {
	config, problems := load()
	LogProblems(s.log, problems)
	if problems.Failed() {
		s.metrics.ReloadFailed()
		return fmt.Errorf("reload configuration: it has mistakes; the running one stays; see them with: hydrant check")
	}
	changes := s.Apply(ctx, config)
	if len(changes) == 0 {
		s.log.Info("configuration read again, nothing changed")
	}
	for _, c := range changes {
		s.log.Info("configuration read again: " + c)
	}
	return nil
}

// LogProblems writes a line for each mistake in a configuration.
func LogProblems(log *slog.Logger, problems configs.Problems) {
	for _, p := range problems {
		level := slog.LevelError
		if p.Severity == configs.Warning {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, "configuration: "+p.Text, "file", p.File, "line", p.Line, "help", p.Help)
	}
}

// watchEvery is how often Watch looks at the files. Asking beats being told:
// it works on every file system and with links that are switched, as
// Kubernetes does.
const watchEvery = time.Second

// Files are files, and folders of them, as they were at one moment.
type Files struct {
	paths []string
	last  uint64 // fingerprint
}

// Look notes how the files are now. Done before they are read, no change is
// missed.
func Look(paths []string) *Files { return &Files{paths, fingerprint(paths)} }

// Watch calls changed whenever the files differ from before, until ctx is done.
func (f *Files) Watch(ctx context.Context, changed func()) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if now := fingerprint(f.paths); now != f.last {
			f.last = now
			changed()
		}
	}
}

// fingerprint changes with names, sizes and times of the files. A file that
// cannot be read counts as missing: loading it will say why.
func fingerprint(paths []string) uint64 {
	h := fnv.New64a()
	for _, root := range paths {
		filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			info, err := os.Stat(name) // follows links
			if err != nil || info.IsDir() {
				return nil
			}
			fmt.Fprintln(h, name, info.Size(), info.ModTime().UnixNano())
			return nil
		})
	}
	return h.Sum64()
}
