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

// machine describes where a run took place, and how busy it was before: without
// it the absolute figures mean nothing.
func machine(dir string) string {
	return fmt.Sprintf("%s, %d CPUs, Linux %s, %s, fdatasync of 8 kB %s, load %s",
		cpuModel(), runtime.NumCPU(), firstWord("/proc/sys/kernel/osrelease"), runtime.Version(), syncTime(dir),
		firstWord("/proc/loadavg"))
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

func firstWord(file string) string {
	text, err := os.ReadFile(file)
	if words := strings.Fields(string(text)); err == nil && len(words) > 0 {
		return words[0]
	}
	return "?"
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

// warm makes the machine own memory before a turn. A virtual machine gives
// memory that is free for some seconds back to its host, and getting it again
// is dear: whoever writes new files would pay for that, and whoever writes
// over old ones would not.
func warm() {
	const size = 2 << 30
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return // too little memory: then there is none to own
	}
	for i := 0; i < size; i += 4096 {
		b[i] = 1
	}
	syscall.Munmap(b)
}
