package convert

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// waits reports whether one more part has to wait until free is called.
func waits(t *testing.T, m *room, free func()) bool {
	t.Helper()
	in := false
	go func() {
		if err := m.enter(context.Background()); err != nil {
			t.Error(err)
		}
		in = true
	}()
	synctest.Wait()
	waited := !in
	free()
	synctest.Wait()
	if !in {
		t.Error("the part is never let in")
	}
	return waited
}

func enter(t *testing.T, m *room, n int) {
	t.Helper()
	for range n {
		if waits(t, m, func() {}) {
			t.Fatal("a part has to wait")
		}
	}
}

func TestPartsWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newRoom(100, 10, 10, 100) // a part takes 20 until one is known to take more
		enter(t, m, 5)
		if !waits(t, m, func() { m.finish(10, 5); m.leave(5) }) {
			t.Error("a sixth part is let in")
		}
		m = newRoom(100, 10, 10, 100)
		enter(t, m, 1)
		m.finish(10, 30) // now each may take 40
		m.leave(30)
		enter(t, m, 2)
		if !waits(t, m, m.abandon) {
			t.Error("a third part is let in beside two that may take 40 each")
		}
	})
}

func TestOnePartIsAlwaysLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newRoom(1, 10, 10, 100)
		enter(t, m, 1)
		m.finish(10, 1000)
		if !waits(t, m, func() { m.leave(1000) }) {
			t.Error("a part is let in while another one holds all memory")
		}
	})
}

// A core that is slow must not make the others run far ahead.
func TestPartsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newRoom(1<<40, 10, 10, 2)
		enter(t, m, 2)
		m.finish(10, 1) // the second; the first goes on
		enter(t, m, 1)
		m.finish(10, 1)
		if !waits(t, m, func() { m.finish(10, 1); m.leave(1) }) {
			t.Error("a fourth part is let in before the first is written")
		}
	})
}

func TestNobodyWaitsWhenAllIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		m := newRoom(1, 10, 10, 1)
		defer context.AfterFunc(ctx, m.wake)()
		enter(t, m, 1)
		done := make(chan error, 1)
		go func() { done <- m.enter(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("enter = %v", err)
		}
	})
}
