package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// The metrics of more than one benchmark.
var (
	recordsPerSecond = metric{"speed", "records/s", false}
	recordsPerCPU    = metric{"efficiency", "records/CPU-s", false}
	megabytesPerCPU  = metric{"efficiency", "MB/CPU-s", false}
	cpuPerMegabyte   = metric{"cost", "CPU-ms/MB", true}
)

// ownCPU is the time this process has spent, by user and system.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprintf("bench: getrusage: %v", err)) // only a wrong argument can fail it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// childCPU is the time a running process has spent, by user and system, in
// the kernel's steps of 10 ms.
func childCPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time of process: %w", err)
	}
	// The second field is the name, in parentheses; 14 and 15 are the times.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time of process: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}

// childMemory is what a process holds in memory, in bytes.
func childMemory(pid int) (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of process: %w", err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(statm)[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory of process: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// ownPeak is the most that this process has held in memory, in bytes. What
// getrusage says of that, a child inherits.
func ownPeak() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read memory of process: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0, fmt.Errorf("read memory of process: %w", err)
	}
	return kilobytes << 10, nil
}
