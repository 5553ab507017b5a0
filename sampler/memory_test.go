package sampler

import (
	"fmt"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
)

func TestBytesStayBelowTheDocumentedBound(t *testing.T) {
	for _, policy := range []string{ReplayNone, ReplayFIFO, ReplayReservoir} {
		c := Defaults()
		c.Batch, c.Replay.Policy, c.Replay.Size, c.Partners, c.Limit = 8, policy, 20, 2, 30
		s := New(c, seed.New(1))
		const each = 3*8*8 + frameOverhead
		bound := int64((20+2)*(1+2+2)+30+5) * each
		for i := range 3000 {
			s.Push(shot("rig", fmt.Sprint("cam", i%5), uint64(i/5), time.Duration(i)*10*time.Millisecond))
			if i%100 == 0 && s.Bytes() > bound {
				t.Fatalf("%s: %d bytes after %d frames, the bound is %d", policy, s.Bytes(), i, bound)
			}
		}
		if s.Bytes() < 8*each {
			t.Errorf("%s: only %d bytes are accounted for", policy, s.Bytes())
		}
	}
}

func TestBytesCountSharedFramesOnce(t *testing.T) {
	s := filled(keepAll(), 1, smallFootage(50))
	if got, want := s.Bytes(), int64(50*(3*8*8+frameOverhead)); got != want {
		t.Errorf("%d bytes for 50 frames that 50 anchors share, instead of %d", got, want)
	}
}
