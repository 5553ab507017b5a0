package capture

import (
	"fmt"
	"time"
)

// stuckFor is how long a camera may show the very same pixels, or nothing but grey, before its stream is opened anew:
// decoders of a persistent stream go wrong without an error (opencv #28638). Real pictures have noise.
const stuckFor = 5 * time.Second

// stuck watches one connection. A camera that was still or grey from the first frame on, as a test picture or a
// covered lens is, is left alone: opening it once more would not help.
type stuck struct {
	moved bool          // a frame has been right
	since time.Duration // PTS of the first of the frames that are wrong without a break
	wrong bool
}

// look takes what is wrong with a frame, if anything.
func (s *stuck) look(wrong string, pts time.Duration) error {
	if wrong == "" {
		s.moved, s.wrong = true, false
		return nil
	}
	if !s.wrong {
		s.wrong, s.since = true, pts
	}
	if s.moved && pts-s.since >= stuckFor {
		return fmt.Errorf("its pictures have been %s for %v", wrong, stuckFor)
	}
	return nil
}
