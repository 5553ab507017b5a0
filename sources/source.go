package sources

import (
	"context"
	"errors"

	"github.com/nearfar/nearfar/streams/frame"
)

// Source is one camera.
type Source interface {
	// Run captures frames and hands each to emit, in order, until the source ends (nil), ctx is cancelled
	// (ctx's error), emit fails (its error) or the source cannot go on. Frames are numbered from 0 as they
	// are captured; from is the first number wanted, since those before it were acknowledged in an earlier
	// life: a finite source skips them, a live one just counts on. The frame's bytes are emit's to keep.
	// A finite source has Captured = Start + PTS on every frame. Run is called once.
	Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error
	// Live says whether frames come whether or not anybody takes them. Then emit does not wait: what Kafka
	// is too slow for is dropped, oldest first. A source that is not live is made to wait.
	Live() bool
}

// Health is what a source can tell beyond its frames.
type Health struct {
	Reconnects uint64            // attempts to open the camera again
	Counts     map[string]uint64 // frames that were sent but look wrong, or files that could not be read: "frozen", "grey", "unreadable"
	Err        string            // what is wrong at the moment, "" when nothing is
}

// Healthy is implemented by sources that have something to tell. Health may be called at any time, from
// another goroutine than Run's.
type Healthy interface{ Health() Health }

// ErrUnusable marks an error that trying again will not cure: a file that is no video, a folder without
// pictures. Such a source is given up at once.
var ErrUnusable = errors.New("unusable source")

// Unusable marks err with ErrUnusable without changing its text.
func Unusable(err error) error { return unusableError{err} }

type unusableError struct{ error }

func (e unusableError) Unwrap() []error { return []error{e.error, ErrUnusable} }

// ErrRefused is what a write function given to Pump wraps when Kafka will never take this frame, as when it
// is larger than the topic allows: the frame is dropped and counted, and the rest goes on.
var ErrRefused = errors.New("refused by Kafka")
