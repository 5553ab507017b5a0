package sampler

import (
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

func TestForgoneStepsAreNotOwedAgain(t *testing.T) {
	c := Defaults()
	c.Image, c.Batch, c.UpdatesPerFrame = 8, 4, 1
	s := New(c, seed.New(1))
	start := time.Unix(1000, 0)
	push := func(from, to int) {
		for i := from; i < to; i++ {
			pix := make([]byte, 3*8*8)
			pix[0] = byte(i)
			s.Push(&frame.Frame{Width: 8, Height: 8, Pix: pix, Meta: frame.Meta{Camera: "a", Rig: "a", Seq: uint64(i), Captured: start.Add(time.Duration(i) * 100 * time.Millisecond)}})
		}
	}
	push(0, 70)
	if n := s.Forgo(); n == 0 || s.Due() {
		t.Fatalf("%d steps were forgone and due is %v, want some and none: %+v", n, s.Due(), s.Counts())
	}
	if n := s.Forgo(); n != 0 {
		t.Errorf("%d steps were forgone twice", n)
	}
	push(70, 73)
	if !s.Due() {
		t.Fatal("new frames owe no steps after old ones were forgone")
	}
	var b batch
	steps := 0
	for s.Due() && s.takes(uint64(steps), &b) {
		steps++
	}
	if steps != 3 {
		t.Errorf("three frames owed %d steps", steps)
	}
}
