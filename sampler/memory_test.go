package sampler

import (
	"fmt"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
)

func TestBytesStayBelowTheDocumentedBound(t *testing.T) {
	for _, policy := range policies() {
		c := Defaults()
		c.Batch, c.Replay.Policy, c.Replay.Size, c.Partners, c.Limit = 8, policy, 20, 2, 120
		c.Clip = ClipConfig{Frames: 3, Stride: 100 * time.Millisecond}
		s := New(c, seed.New(1))
		const each = 3*8*8 + frameOverhead
		bound := int64((20+2)*(3+2+2)+120+5) * each
		for i := range 3000 {
			s.Push(shot("rig", fmt.Sprint("cam", i%5), uint64(i/5), time.Duration(i)*10*time.Millisecond))
			if i%100 == 0 && s.Bytes() > bound {
				t.Fatalf("%s: %d bytes after %d frames, the bound is %d", policy, s.Bytes(), i, bound)
			}
		}
		if s.Bytes() < 8*each || s.Counts().Clips == 0 {
			t.Errorf("%s: only %d bytes and %d clips are accounted for", policy, s.Bytes(), s.Counts().Clips)
		}
	}
}

func TestBytesCountSharedFramesOnce(t *testing.T) {
	s := filled(keepAll(), 1, smallFootage(50))
	if got, want := s.Bytes(), int64(50*(3*8*8+frameOverhead)); got != want {
		t.Errorf("%d bytes for 50 frames that 50 anchors share, instead of %d", got, want)
	}
}

func TestBytesCountFeatures(t *testing.T) {
	c := keepAll()
	c.Batch, c.Replay = 8, ReplayConfig{Policy: ReplayMinRed, Size: 20, Newest: 1}
	s := filled(c, 1, smallFootage(50))
	before := s.Bytes()
	var b batch
	s.takes(0, &b) // the eight newest
	s.learns(&b)
	if got := s.Bytes() - before; got != 8*5*4 {
		t.Errorf("eight features of five numbers count as %d bytes", got)
	}
}
