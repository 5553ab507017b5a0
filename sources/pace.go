package sources

import (
	"context"
	"time"
)

// Pacer makes a finite source run as it was filmed. The zero Pacer does not wait.
type Pacer struct {
	realtime bool
	began    time.Time     // when the first frame was let through
	first    time.Duration // its media time
}

// NewPacer is a Pacer for Realtime or Fast.
func NewPacer(pace string) *Pacer { return &Pacer{realtime: pace == Realtime} }

// Wait returns when the frame of media time t is due, or ctx's error. Pauses between scenes are not media
// time: they are not waited for.
func (p *Pacer) Wait(ctx context.Context, t time.Duration) error {
	if !p.realtime {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began, p.first = time.Now(), t
	}
	return Sleep(ctx, time.Until(p.began.Add(t-p.first)))
}

// Sleep waits for d or until ctx is cancelled, and then returns its error.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Thinner keeps at most so many frames per second of media time, whatever the rate they come at: of the
// frames around each moment of an even grid the nearest, as far as the interval before it foretells the one
// after, so that the jitter of a camera whose rate is about the cap costs no frame. It is a function of the
// times alone.
type Thinner struct {
	period    time.Duration // 0: keep all
	due, last time.Duration
	begun     bool
}

// NewThinner is a Thinner for fps frames per second, 0 for all.
func NewThinner(fps float64) *Thinner {
	if fps <= 0 {
		return &Thinner{}
	}
	return &Thinner{period: time.Duration(float64(time.Second) / fps)}
}

// Keep says whether the frame of media time t is kept. Times do not go back.
func (th *Thinner) Keep(t time.Duration) bool {
	if th.period == 0 {
		return true
	}
	if !th.begun {
		th.begun, th.due, th.last = true, t+th.period, t
		return true
	}
	interval := min(t-th.last, th.period)
	th.last = t
	if t+interval/2 < th.due {
		return false
	}
	th.due += th.period
	if th.due <= t { // the camera is slower than the cap, or paused: no burst to catch up
		th.due = t + th.period
	}
	return true
}
