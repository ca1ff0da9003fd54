package elasticsearch

import (
	"sync"
	"time"
)

// sizes remembers how large a request was that was refused for it. Those that
// are as large are divided without being sent first: a proxy that takes 1 MiB
// would else be sent each batch three times.
type sizes struct {
	mu       sync.Mutex
	smallest int64     // that was refused; 0: none was
	until    time.Time // when it is forgotten
}

// forgetSize is after which time a larger request is tried again: somebody may
// have raised the limit.
const forgetSize = 10 * time.Minute

// refused notes that a request of this size was too large.
func (s *sizes) refused(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.smallest == 0 || size < s.smallest {
		s.smallest = size
	}
	s.until = time.Now().Add(forgetSize)
}

// tooLarge reports whether a request of this size would be refused.
func (s *sizes) tooLarge(size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.smallest > 0 && time.Now().After(s.until) {
		s.smallest = 0
	}
	return s.smallest > 0 && size >= s.smallest
}
