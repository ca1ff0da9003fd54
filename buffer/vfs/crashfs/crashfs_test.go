package crashfs

import (
	"testing"

	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/buffer/vfs/vfstest"
)

func TestConforms(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfs.FS { return New() })
}

// A clone of either kind must be a file system as good as a new one.
func TestClonesConform(t *testing.T) {
	for _, m := range Modes() {
		t.Run(m.String(), func(t *testing.T) {
			vfstest.Run(t, func(t *testing.T) vfs.FS { return New().CrashClone(1, m) })
		})
	}
	t.Run("kill", func(t *testing.T) {
		vfstest.Run(t, func(t *testing.T) vfs.FS { return New().KillClone() })
	})
}
