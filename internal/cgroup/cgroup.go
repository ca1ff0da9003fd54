// Package cgroup finds the memory limit the process runs under, so that the
// garbage collector works harder before the kernel kills the process.
package cgroup

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// share of the limit is for the Go heap; the rest is for stacks, the page
// tables and the kernel's side of our sockets.
const share = 0.9

// SetMemoryLimit sets Go's soft memory limit from the cgroup and returns it,
// or 0 if there is no limit or the user has set GOMEMLIMIT.
func SetMemoryLimit() int64 {
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	limit := Limit(os.DirFS("/"))
	if limit == 0 {
		return 0
	}
	soft := int64(float64(limit) * share)
	debug.SetMemoryLimit(soft)
	return soft
}

// Limit returns the smallest memory limit of this process's cgroup and its
// parents in bytes, or 0 if there is none. root is the root file system.
func Limit(root fs.FS) int64 {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(own)) {
		// "0::/a/b" is version 2; "9:memory:/a/b" is version 1.
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		base, file := "sys/fs/cgroup", "memory.max"
		if controllers != "" {
			if !strings.Contains(","+controllers+",", ",memory,") {
				continue
			}
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for dir := path.Join("/", group); ; dir = path.Dir(dir) {
			if n := read(root, path.Join(base, dir, file)); n > 0 {
				limit = min(limit, n)
			}
			if dir == "/" {
				break
			}
		}
	}
	if limit >= 1<<60 { // version 1 writes a huge number for "none"
		return 0
	}
	return limit
}

func read(root fs.FS, name string) int64 {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0 // "max"
	}
	return n
}
