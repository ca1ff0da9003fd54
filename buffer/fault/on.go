//go:build faults

// Package fault, armed: HYDRANT_KILL="K5:3,K9:1" kills the process with
// SIGKILL at the third passage of K5 or the first of K9, whichever comes
// first; HYDRANT_BUG="ack-before-sync" plants bugs; HYDRANT_KILL_SEEN=file
// receives one line for each point when it is first passed.
package fault

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var (
	mu   sync.Mutex
	left = countdowns(os.Getenv("HYDRANT_KILL"))
	bugs = names(os.Getenv("HYDRANT_BUG"))
	seen = map[string]bool{}
)

// Point kills the process here when its countdown has run out.
func Point(name string) {
	mu.Lock()
	defer mu.Unlock()
	if !seen[name] {
		seen[name] = true
		note(name)
	}
	n, armed := left[name]
	if !armed {
		return
	}
	if n--; n > 0 {
		left[name] = n
		return
	}
	note(name + " killed")
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way; nothing may run after this line
}

// Bug reports whether the named mistake is planted.
func Bug(name string) bool { return bugs[name] }

func note(line string) {
	path := os.Getenv("HYDRANT_KILL_SEEN")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	f.WriteString(line + "\n")
	f.Close()
}

func countdowns(spec string) map[string]int {
	m := map[string]int{}
	for name := range names(spec) {
		point, count, _ := strings.Cut(name, ":")
		n, err := strconv.Atoi(count)
		if err != nil {
			n = 1
		}
		m[point] = n
	}
	return m
}

func names(spec string) map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Split(spec, ",") {
		if s != "" {
			m[s] = true
		}
	}
	return m
}
