package server

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatchSeesEveryKindOfChangeOnce(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "one")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var changes atomic.Int32
		files := Look([]string{dir, filepath.Join(dir, "missing")})
		go files.Watch(ctx, func() { changes.Add(1) })
		synctest.Wait()
		for _, step := range []struct {
			name string
			do   func()
			want int32
		}{
			{"nothing", func() {}, 0},
			{"other content", func() { write(file, "three") }, 1},
			{"a new file", func() { write(other, "x") }, 1},
			{"a file switched by rename", func() {
				write(file+".new", "four")
				if err := os.Rename(file+".new", file); err != nil {
					t.Error(err)
				}
			}, 1},
			{"a file removed", func() {
				if err := os.Remove(other); err != nil {
					t.Error(err)
				}
			}, 1},
		} {
			changes.Store(0)
			step.do()
			time.Sleep(3 * watchEvery)
			synctest.Wait()
			if got := changes.Load(); got != step.want {
				t.Errorf("%s: %d changes, want %d", step.name, got, step.want)
			}
		}
		cancel()
	})
}
