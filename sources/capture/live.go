package capture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// live captures a stream or device, and opens it again for ever. A frame is captured at the wall clock's
// time when it was grabbed; its PTS is the time since the first one.
func (s *Source) live(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	l := lens{Source: s, emit: emit, cam: s.camera(), thin: sources.NewThinner(s.cfg.FPS), seq: from}
	defer l.cam.close()
	l.wait = backoff.ExponentialBackOff{InitialInterval: 200 * time.Millisecond, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: longestWait}
	l.wait.Reset()
	for {
		err := l.watch(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var failed emitError
		if errors.As(err, &failed) {
			return failed.error
		}
		wait := l.wait.NextBackOff()
		s.note(func(h *sources.Health) {
			h.Reconnects++
			h.Err = fmt.Sprintf("%v; trying again in %v", err, wait)
		})
		if err := sources.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// longestWait is the time between two tries while a camera is away, give or take half: it is seen again within
// seconds of its return, however long it was away.
const longestWait = time.Second

// emitError is what emit returned: it ends the capture, where the camera's own errors do not.
type emitError struct{ error }

// lens is a live capture through all its connections.
type lens struct {
	*Source
	emit  func(frame.Encoded) error
	cam   *camera
	thin  *sources.Thinner
	wait  backoff.ExponentialBackOff
	seq   uint64
	first time.Time
	last  time.Duration
}

// watch is one connection.
func (l *lens) watch(ctx context.Context) error {
	v, err := open(l.cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	var stuck stuck
	for n := 0; ctx.Err() == nil; n++ {
		if !l.cam.read(v) {
			return fmt.Errorf("reading %s: the stream broke off after %d frames", sources.Redact(l.cfg.From), n)
		}
		now := time.Now()
		if n == 0 {
			l.wait.Reset()
			l.note(func(h *sources.Health) { h.Err = "" })
		}
		if l.first.IsZero() {
			l.first = now
		}
		pts := max(now.Sub(l.first), l.last) // the monotonic clock: a change of the wall clock does not turn it back
		l.last = pts
		if !l.thin.Keep(pts) {
			continue
		}
		data, wrong, err := l.cam.shot(l.Source)
		if err == nil {
			err = stuck.look(wrong, pts)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", sources.Redact(l.cfg.From), err)
		}
		seq := l.seq
		l.seq++
		if err := l.emit(frame.Encoded{Meta: l.meta(seq, pts, now), ContentType: "image/jpeg", Data: data}); err != nil {
			return emitError{err}
		}
	}
	return ctx.Err()
}
