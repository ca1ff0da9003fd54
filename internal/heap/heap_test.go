package heap

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		live uint64
		want int
	}{{0, 200}, {4 << 20, 200}, {12 << 20, 200}, {16 << 20, 150}, {24 << 20, 100}, {48 << 20, 50}, {1 << 40, 50}} {
		if got := percent(tt.live); got != tt.want {
			t.Errorf("percent(%d MiB) = %d, want %d", tt.live>>20, got, tt.want)
		}
	}
}

func TestALargeHeapGetsLessRoom(t *testing.T) {
	t.Setenv("GOGC", "")
	was := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	held := make([]byte, 64<<20)
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go Tune(ctx)
		synctest.Wait()
		cancel()
	})
	if got := debug.SetGCPercent(100); got != least {
		t.Errorf("with 64 MiB in use the percentage is %d, want %d", got, least)
	}
	runtime.KeepAlive(held)
}

func TestTheUsersPercentageStays(t *testing.T) {
	t.Setenv("GOGC", "70")
	was := debug.SetGCPercent(70)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	Tune(t.Context()) // returns at once
	if got := debug.SetGCPercent(70); got != 70 {
		t.Errorf("the percentage is %d, want the user's 70", got)
	}
}
