package elasticsearch

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestASizeThatWasRefusedIsRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sizes
		want := func(size int64, refused bool) {
			t.Helper()
			if s.tooLarge(size) != refused {
				t.Errorf("%d is too large: %v", size, !refused)
			}
		}
		want(1<<40, false)
		s.refused(4000)
		s.refused(2000)
		s.refused(3000)
		want(1999, false)
		want(2000, true)
		time.Sleep(forgetSize)
		want(2000, true)
		time.Sleep(time.Second)
		want(2000, false)
		want(1<<40, false)
	})
}

func TestARequestThatWouldBeTooLargeIsDividedWithoutBeingSent(t *testing.T) {
	c := newCluster(t)
	s := open(t, c.config())
	large := payloads(t, s, sinktest.Chunk(`{"a":1}`, `{"a":2}`))[0]
	one := payloads(t, s, sinktest.Chunk(`{"a":"a record that alone is larger than the two and their actions together, so that nothing is left to divide"}`))[0]
	c.Misbehave(sinktest.Fault{Status: http.StatusRequestEntityTooLarge})
	for range 3 {
		if e := sinks.AsError(s.Send(t.Context(), &large)); e.Kind != sinks.Bisect {
			t.Errorf("Send = %v, want bisect", e)
		}
	}
	if got := len(c.Requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	if err := s.Send(t.Context(), &one); err != nil || one.Size < large.Size {
		t.Errorf("Send of a record that cannot be divided = %v", err)
	}
}
