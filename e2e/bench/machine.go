package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// machine describes where a run took place: without it the absolute figures
// mean nothing.
func machine(dir string) string {
	return fmt.Sprintf("%s, %d CPUs, Linux %s, %s, fdatasync of 8 kB %s",
		cpuModel(), runtime.NumCPU(), kernel(), runtime.Version(), syncTime(dir))
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(release))
}

// syncTime measures what a durable write costs at least: the median of 200.
func syncTime(dir string) string {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return "not measured: " + err.Error()
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 8192)
	var took []time.Duration
	for range 200 {
		start := time.Now()
		if _, err = f.Write(page); err == nil {
			err = syscall.Fdatasync(int(f.Fd()))
		}
		if err != nil {
			return "not measured: " + err.Error()
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2].Round(time.Microsecond).String()
}
