// Package version knows what was built.
package version

import (
	"runtime"
	"runtime/debug"
)

// Info describes the running program.
type Info struct {
	Version  string `json:"version"`  // "v0.1.0", or "devel" when built from a working tree
	Revision string `json:"revision"` // the commit, with "+" if the tree was changed; may be empty
	Go       string `json:"go"`
	Platform string `json:"platform"` // "linux/amd64"
}

// Read returns what the Go linker wrote into the program.
func Read() Info {
	i := Info{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return i
	}
	if v := b.Main.Version; v != "" && v != "(devel)" {
		i.Version = v
	}
	changed := false
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	if changed && i.Revision != "" {
		i.Revision += "+"
	}
	return i
}
