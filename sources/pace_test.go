package sources

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestThinnerKeepsTheRate(t *testing.T) {
	for _, c := range []struct {
		from, cap float64
		seconds   int
		want      int
	}{{10, 10, 60, 600}, {30, 10, 60, 600}, {12.5, 5, 60, 300}, {29.83, 10, 60, 600}, {5, 10, 60, 300}, {10, 0, 10, 100}} {
		th := NewThinner(c.cap)
		n := 0
		for i := 0; float64(i)/c.from < float64(c.seconds); i++ {
			if th.Keep(time.Duration(float64(i) / c.from * 1e9)) {
				n++
			}
		}
		if n < c.want-1 || n > c.want+1 {
			t.Errorf("%v fps capped to %v: %d frames in %d s, want %d", c.from, c.cap, n, c.seconds, c.want)
		}
	}
}

func TestThinnerForgivesJitter(t *testing.T) {
	th := NewThinner(10)
	kept := 0
	for i := range 600 {
		jitter := time.Duration(i%3-1) * 20 * time.Millisecond
		if th.Keep(time.Duration(i)*100*time.Millisecond + jitter) {
			kept++
		}
	}
	if kept != 600 {
		t.Errorf("%d of 600 frames kept at a rate that is the cap", kept)
	}
}

func TestThinnerNeverExceedsTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fps := rapid.Float64Range(0.5, 60).Draw(t, "fps")
		th := NewThinner(fps)
		var at time.Duration
		kept := 0
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 300), 1, 200).Draw(t, "ms between frames") {
			at += time.Duration(step) * time.Millisecond
			if th.Keep(at) {
				kept++
			}
		}
		if most := at.Seconds()*fps + 2.25; float64(kept) > most {
			t.Fatalf("%d frames kept in %v at %v fps", kept, at, fps)
		}
	})
}

func TestPacerWaitsForNothingWhenFast(t *testing.T) {
	if err := NewPacer(Fast).Wait(context.Background(), 1000*time.Hour); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := NewPacer(Realtime)
	if err := p.Wait(ctx, time.Hour); err != nil {
		t.Errorf("the first frame has to wait: %v", err)
	}
	cancel()
	if err := p.Wait(ctx, 2*time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
