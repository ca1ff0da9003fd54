package hydrant

import (
	"math/rand/v2"
	"syscall"
)

// dieWithParent makes the kernel kill the process when the thread that started
// it ends, at the latest with the test.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// randomPort draws a port below Linux's range for outgoing connections.
func randomPort() int { return 10_000 + rand.IntN(20_000) }
