// Package hydrant runs the program under test: it builds the real binary,
// starts it as a process, and looks at it through the ports that users have.
package hydrant

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Binary returns the path of the program, built as it is shipped.
func Binary(t testing.TB) string {
	t.Helper()
	return built(t, &shipped)
}

// Faulty returns the path of the program with its kill points armed; see
// package buffer/fault.
func Faulty(t testing.TB) string {
	t.Helper()
	return built(t, &faulty)
}

// raceEnv builds the program with the race detector. A race ends the program
// then, which fails any test.
const raceEnv = "HYDRANT_E2E_RACE"

// A build happens at most once in a test process; the folder is left to the
// system's cleaning of temporary files unless Clean is called.
type build struct {
	tags string
	once sync.Once
	path string
	err  error
}

var (
	shipped = build{}
	faulty  = build{tags: "faults"}
)

func built(t testing.TB, b *build) string {
	t.Helper()
	b.once.Do(func() { b.path, b.err = compile(b.tags) })
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

func compile(tags string) (string, error) {
	dir, err := os.MkdirTemp("", "hydrant-e2e-")
	if err != nil {
		return "", fmt.Errorf("build hydrant: %w", err)
	}
	path := filepath.Join(dir, "hydrant")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-o", path, "./cmd/hydrant")
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if os.Getenv(raceEnv) != "" {
		cmd.Args = slices.Insert(cmd.Args, 2, "-race")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build hydrant: %w\n%s", err, out)
	}
	return path, nil
}

// Clean removes what was built. TestMain calls it last.
func Clean() {
	for _, b := range []*build{&shipped, &faulty} {
		if b.path != "" {
			os.RemoveAll(filepath.Dir(b.path))
		}
	}
}

// Root returns the folder of the module that the test belongs to.
func Root() string {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		panic(fmt.Sprintf("find the module's folder: %v", err))
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}
