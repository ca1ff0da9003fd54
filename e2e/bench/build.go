package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// build makes a program of the product's module, unless it is there. It runs
// in that module, so that the product is built with its own dependencies and
// not with those that the peers ask for.
func build(ctx context.Context, binary, pkg string, command ...string) error {
	if _, err := os.Stat(binary); err == nil {
		return nil
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/hydrant-dev/hydrant").Output()
	if err != nil {
		return fmt.Errorf("find the product's module: %w; run this in e2e/bench", err)
	}
	cmd := exec.CommandContext(ctx, "go", append(command, "-trimpath", "-o", binary, pkg)...)
	cmd.Dir = strings.TrimSpace(string(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", binary, err, out)
	}
	return nil
}
