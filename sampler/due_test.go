package sampler

import (
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// drive takes the steps that are due after each frame and returns how many frames were admitted before each.
func drive(s *Sampler, n int) (at []uint64) {
	var b batch
	take := func() {
		for s.Due() {
			if !s.takes(uint64(len(at)), &b) {
				panic("a step is due but there is no batch")
			}
			at = append(at, s.Counts().Admitted)
		}
	}
	for _, f := range smallFootage(n) {
		s.Push(f)
		take()
	}
	s.Flush()
	take()
	return at
}

// The reference takes a step after every 16th frame once 64 are in the buffer: shared/peers/stream_moco.py.
func TestStepsFallDueLikeTheReference(t *testing.T) {
	c := Defaults()
	c.Image, c.UpdatesPerFrame, c.Replay.Newest = 8, 1./16, 0
	at := drive(New(c, seed.New(1)), 320)
	if len(at) != 320/16-3 {
		t.Fatalf("%d steps for 320 frames instead of 17", len(at))
	}
	for i, n := range at {
		if i < 15 && (n-64)/16 != uint64(i) { // the end of the stream admits several frames at once
			t.Errorf("step %d was taken after %d frames", i, n)
		}
	}
}

func TestUpdatesPerFrameMayExceedOne(t *testing.T) {
	c := Defaults()
	c.Image, c.Batch, c.UpdatesPerFrame = 8, 4, 2.5
	at := drive(New(c, seed.New(1)), 40)
	if want := 40*5/2 - 3*5/2; len(at) != want { // 2.5·40 less what fell due with three frames
		t.Errorf("%d steps for 40 frames instead of %d", len(at), want)
	}
}

func TestNoStepIsDueWithoutUpdates(t *testing.T) {
	c := Defaults()
	c.Image, c.Batch, c.UpdatesPerFrame = 8, 4, 0
	if at := drive(New(c, seed.New(1)), 40); len(at) != 0 {
		t.Errorf("%d steps were due", len(at))
	}
}

func TestBatchWaitsForEnoughAnchors(t *testing.T) {
	c := Defaults()
	c.Image, c.Batch = 8, 16
	s := New(c, seed.New(1))
	b := batch{}
	for _, f := range smallFootage(40) {
		s.Push(f)
		if ok := s.takes(0, &b); ok != (s.Counts().Admitted >= 16) {
			t.Fatalf("Draw is %v with %d anchors", ok, s.Counts().Admitted)
		}
	}
}
