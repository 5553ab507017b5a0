package sources

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Child is one camera's capture process.
type Child struct {
	Camera  string
	Command []string // argv of the process; it calls ReadJob and Serve
	Env     []string // added to the parent's environment
	Job     string   // the first line of its stdin: what would show credentials in argv. No line breaks
	Live    bool     // a camera: restarted for ever. Otherwise finite: ends, or is given up
}

// Options of a Supervisor; every zero has a default.
type Options struct {
	Stale      time.Duration // a live child without a frame or an attempt to reconnect, or any child without a beat, for this long is killed and restarted (30s)
	Grace      time.Duration // between asking a child to stop and killing it (10s)
	Backoff    time.Duration // before the first restart; doubles up to MaxBackoff (500ms)
	MaxBackoff time.Duration // (15s)
	Attempts   int           // failures without progress after which a finite child is given up (3)
	Beat       func(Beat)    // every beat, with the totals of the camera over all its lives; never twice at a time
	Log        *slog.Logger  // restarts as warnings, what children write on stderr as debug (none)
}

func (o Options) withDefaults() Options {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Stale, 30*time.Second)
	set(&o.Grace, 10*time.Second)
	set(&o.Backoff, 500*time.Millisecond)
	set(&o.MaxBackoff, 15*time.Second)
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// ChildError says why a camera was given up.
type ChildError struct {
	Camera string
	Exit   int    // exit status of the last process, -1 when a signal ended it or it never ran
	Reason string // what the process said last, without credentials
}

func (e *ChildError) Error() string { return e.Camera + ": " + e.Reason }

// Supervisor keeps capture processes alive, one per camera. Make it with NewSupervisor and Run it once.
type Supervisor struct {
	opt      Options
	wards    []*ward
	byCamera map[string]*ward
	stop     chan struct{}
	stopOnce sync.Once
	beatLock sync.Mutex
}

// NewSupervisor prepares to run the children; their cameras must differ.
func NewSupervisor(children []Child, opt Options) (*Supervisor, error) {
	s := &Supervisor{opt: opt.withDefaults(), byCamera: map[string]*ward{}, stop: make(chan struct{})}
	for _, c := range children {
		if s.byCamera[c.Camera] != nil {
			return nil, fmt.Errorf("two capture processes for camera %s", c.Camera)
		}
		if len(c.Command) == 0 {
			return nil, fmt.Errorf("no command for the capture process of camera %s", c.Camera)
		}
		w := &ward{Child: c, opt: s.opt, report: s.report, before: Beat{Camera: c.Camera}}
		w.opt.Log = s.opt.Log.With("camera", c.Camera)
		s.wards, s.byCamera[c.Camera] = append(s.wards, w), w
	}
	return s, nil
}

// Supervise runs the children until all finite ones have ended and none is live, or ctx is cancelled.
func Supervise(ctx context.Context, children []Child, opt Options) error {
	s, err := NewSupervisor(children, opt)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// Run starts all children at once and returns when every one has ended or been given up, or when ctx is
// cancelled or Stop called: then children are asked to stop and, after Grace, killed. It returns a joined
// *ChildError for each camera that was given up; being stopped is no error.
func (s *Supervisor) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(s.wards))
	var all, stopping sync.WaitGroup
	for i, w := range s.wards {
		all.Go(func() {
			// The kernel kills a child when the thread that started it dies: keep the thread.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			errs[i] = w.watch(ctx)
		})
	}
	stopping.Go(func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	all.Wait()
	cancel()
	stopping.Wait()
	return errors.Join(errs...)
}

// Stop asks every child to stop; Run returns when they have.
func (s *Supervisor) Stop() { s.stopOnce.Do(func() { close(s.stop) }) }

// Pause makes a camera's process hold its frames back (a file) or drop them (a live camera), or go on again.
// It holds across restarts.
func (s *Supervisor) Pause(camera string, paused bool) error {
	w := s.byCamera[camera]
	if w == nil {
		return fmt.Errorf("pausing camera %s: there is no such camera", camera)
	}
	w.pause(paused)
	return nil
}

// Totals are the latest counts of each camera over all lives of its process.
func (s *Supervisor) Totals() map[string]Beat {
	out := make(map[string]Beat, len(s.wards))
	for _, w := range s.wards {
		out[w.Camera] = w.total()
	}
	return out
}

func (s *Supervisor) report(b Beat) {
	if s.opt.Beat == nil {
		return
	}
	s.beatLock.Lock()
	defer s.beatLock.Unlock()
	s.opt.Beat(b)
}

// watch runs the child's lives one after the other.
func (w *ward) watch(ctx context.Context) error {
	wait := backoff.ExponentialBackOff{InitialInterval: w.opt.Backoff, Multiplier: 2, MaxInterval: w.opt.MaxBackoff}
	wait.Reset()
	for failures := 0; ctx.Err() == nil; {
		end := w.live(ctx)
		if end.done {
			return nil
		}
		w.settle(end.reason)
		if ctx.Err() != nil {
			return nil
		}
		if end.progress {
			failures = 0
			wait.Reset()
		}
		failures++
		if end.fatal || (!w.Live && failures >= w.opt.Attempts) {
			w.opt.Log.Error("giving the camera up", "err", end.reason, "attempts", failures)
			return &ChildError{Camera: w.Camera, Exit: end.exit, Reason: end.reason}
		}
		again := wait.NextBackOff()
		w.opt.Log.Warn("restarting the capture process", "err", end.reason, "in", again)
		if Sleep(ctx, again) != nil {
			return nil
		}
	}
	return nil
}
