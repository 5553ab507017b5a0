package decoder

import (
	"sync"
	"time"
)

// stopwatch adds up the times between start and stop, which do not overlap.
type stopwatch struct {
	mu    sync.Mutex
	sum   time.Duration
	began time.Time // zero: it stands still
}

func (s *stopwatch) start() (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = time.Now()
	return s.stop
}

func (s *stopwatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum += time.Since(s.began)
	s.began = time.Time{}
}

// total is the sum so far, the time that is running included.
func (s *stopwatch) total() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		return s.sum
	}
	return s.sum + time.Since(s.began)
}
