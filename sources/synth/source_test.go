package synth

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

var errEnough = errors.New("enough")

func source(t *testing.T, change func(*sources.Config)) *Source {
	t.Helper()
	c := sources.Config{Name: "lab-1", Rig: "lab", From: "synth", Camera: 1, Seed: 9, Start: start, Pace: sources.Fast}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// take runs the source until it has given n frames.
func take(t *testing.T, s *Source, from uint64, n int) (out []frame.Encoded) {
	t.Helper()
	err := s.Run(t.Context(), from, func(e frame.Encoded) error {
		if out = append(out, e); len(out) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("the source ended with %v", err)
	}
	return out
}

func TestFramesSayWhoSawThemWhenAndWhat(t *testing.T) {
	s := source(t, nil)
	labels := 0
	for i, e := range take(t, s, 0, 20) {
		pts := time.Duration(i)*100*time.Millisecond + s.scene.Skew(1)
		if e.Camera != "lab-1" || e.Rig != "lab" || e.Seq != uint64(i) || e.PTS != pts || !e.Captured.Equal(start.Add(pts)) {
			t.Errorf("frame %d: %+v", i, e.Meta)
		}
		if w, h, err := picture.Header(e.Data); err != nil || w != 128 || h != 128 || e.ContentType != "image/jpeg" {
			t.Errorf("frame %d: %s of %d×%d: %v", i, e.ContentType, w, h, err)
		}
		if e.Label != "" {
			labels++
		}
	}
	if labels < 12 {
		t.Errorf("only %d of the 20 frames of one visit are labelled", labels)
	}
}

func TestResumedSourceSendsTheSameFrames(t *testing.T) {
	whole := take(t, source(t, nil), 0, 30)
	rest := take(t, source(t, nil), 20, 10)
	for i, e := range rest {
		if w := whole[20+i]; !bytes.Equal(e.Data, w.Data) || e.Meta != w.Meta {
			t.Errorf("frame %d differs after resuming", 20+i)
		}
	}
}

func TestClocksAreSkewedButBarely(t *testing.T) {
	s := scene(t, nil)
	seen := map[time.Duration]bool{}
	for i := range s.cams {
		if d := s.Skew(i); d < 0 || d > s.cfg.Skew || seen[d] {
			t.Errorf("camera %d: clock ahead by %s", i, d)
		}
		seen[s.Skew(i)] = true
	}
}

func TestRealtimeFramesComeWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := source(t, func(c *sources.Config) { c.Pace, c.FPS = sources.Realtime, 4 })
		if !s.Live() {
			t.Error("a realtime scene is not live")
		}
		began, n := time.Now(), 0
		err := s.Run(t.Context(), 100, func(frame.Encoded) error {
			if waited := time.Since(began); waited != time.Duration(n)*250*time.Millisecond {
				t.Errorf("frame %d after %s", n, waited)
			}
			if n++; n == 5 {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
	})
}

func TestFastSourceIsNotLiveAndEndsWithItsContext(t *testing.T) {
	s := source(t, nil)
	if s.Live() {
		t.Error("a fast scene is live")
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := s.Run(ctx, 0, func(frame.Encoded) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 3 {
		t.Errorf("%d frames, then %v", n, err)
	}
}

func TestImpossibleRigsAreRefusedAtOnce(t *testing.T) {
	good := sources.Config{Name: "a", From: "synth", Start: start}
	for want, change := range map[string]func(*sources.Config){
		"cameras 40 is not between": func(c *sources.Config) { c.Cameras = 40 },
		"objects 2 is not between":  func(c *sources.Config) { c.Objects = 2 },
		"width 4 is not between":    func(c *sources.Config) { c.Size = "4x64" },
		"no camera 3 in a rig of 3": func(c *sources.Config) { c.Camera = 3 },
		"no start is given":         func(c *sources.Config) { c.Start = time.Time{} },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, sources.ErrUnusable) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	s, err := New(sources.Config{Name: "a", From: "synth", Start: start})
	if err != nil {
		b.Fatal(err)
	}
	for i := uint64(0); b.Loop(); i++ {
		if _, err := s.Frame(i); err != nil {
			b.Fatal(err)
		}
	}
}
