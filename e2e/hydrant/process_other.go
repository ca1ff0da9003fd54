//go:build !linux

package hydrant

import (
	"math/rand/v2"
	"syscall"
)

func dieWithParent() *syscall.SysProcAttr { return nil }

// randomPort draws a port below IANA's range for outgoing connections.
func randomPort() int { return 10_000 + rand.IntN(20_000) }
