package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nearfar/nearfar/internal/metrics"
	"github.com/nearfar/nearfar/sources"
)

// silence is how long a live camera may give nothing before it counts as down; slow ones may take three times
// the pause between their frames.
const silence = 10 * time.Second

// cameraState is a camera as one sees it from outside.
type cameraState struct {
	sources.Beat
	age  time.Duration // since its last frame, or since the feed began
	down string        // why it counts as down, "" where it does not
}

// states are all cameras of the feed, at a moment.
func (f *feed) states(now time.Time) map[string]cameraState {
	out := make(map[string]cameraState, len(f.Cameras))
	totals := f.Totals()
	for _, c := range f.Cameras {
		b, ok := totals[c.Name]
		if !ok {
			continue // nothing is captured in this life
		}
		s := cameraState{Beat: b, age: now.Sub(f.began)}
		if !b.Last.IsZero() {
			s.age = max(0, now.Sub(b.Last))
		}
		patience := silence
		if c.Config.FPS > 0 {
			patience = max(patience, time.Duration(3/c.Config.FPS*float64(time.Second)))
		}
		switch {
		case b.Err != "":
			s.down = b.Err
		case b.Captured == 0 && !b.Ended:
			s.down = "no frame yet"
		case c.Live && !b.Paused && s.age > patience:
			s.down = fmt.Sprintf("no frame for %v", s.age.Round(time.Second))
		}
		out[c.Name] = s
	}
	return out
}

// ready checks that at least one camera gives frames, as long as there is anything to capture.
func (f *feed) ready() metrics.Check {
	return metrics.Check{Name: "cameras", Do: func(context.Context) error {
		select {
		case <-f.Done():
			return nil
		default:
		}
		var down []string
		states := f.states(time.Now())
		for _, name := range slices.Sorted(maps.Keys(states)) {
			if states[name].down == "" {
				return nil
			}
			down = append(down, name+": "+states[name].down)
		}
		if len(down) == 0 {
			return nil
		}
		return errors.New("none gives frames: " + strings.Join(down, "; "))
	}}
}

// put tells how the cameras are. Counts are the caller's: of this process, or of all lives of a run.
func (f *feed) put(put metrics.Put, counts map[string]tally) {
	dropped := map[string]uint64{}
	for name, t := range counts {
		put("frames_captured_total", float64(t.Captured), name)
		put("frames_acknowledged_total", float64(t.Acked), name)
		for reason, n := range t.Dropped {
			dropped[reason] += n
		}
	}
	for reason, n := range dropped {
		put("frames_dropped_total", float64(n), "capture", reason)
	}
	for name, s := range f.states(time.Now()) {
		put("camera_reconnects_total", float64(s.Reconnects), name)
		if s.Ended {
			continue
		}
		put("camera_last_frame_age_seconds", s.age.Seconds(), name)
		put("camera_up", truth(s.down == ""), name)
	}
}

// counts are the counts of this process.
func (f *feed) counts() map[string]tally {
	out := map[string]tally{}
	for name, b := range f.Totals() {
		out[name] = tally{}.plus(b)
	}
	return out
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
