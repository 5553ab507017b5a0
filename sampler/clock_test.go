package sampler

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// Clocks jump an hour ahead and back, and one stamp in twenty is out of order: every frame is in one account, and no
// pair is closer by its stamps than it was in truth.
func TestFaultNoPairReachesOverAClockThatJumped(t *testing.T) {
	c := keepAll()
	s := New(c, seed.New(1))
	r := rand.New(rand.NewPCG(7, 7))
	truth := map[*frame.Frame]time.Duration{}
	for i := range 3000 {
		at := time.Duration(i) * c.Near / 3
		stamp := at + time.Duration(i/500%2)*time.Hour
		if r.IntN(20) == 0 {
			stamp -= c.Near // within the gap
		}
		f := shot("rig", "cam", uint64(i), stamp)
		truth[f] = at
		s.Push(f)
	}
	s.Flush()
	n := s.Counts()
	if n.Pushed != 3000 || n.Admitted+n.Alone+n.Disordered+n.Frozen+n.IllFormed != n.Pushed {
		t.Errorf("not every frame is in one account: %+v", n)
	}
	if n.Disordered < 100 || n.Disordered > 200 || n.Scenes != 6 {
		t.Errorf("%d out of order, %d scenes", n.Disordered, n.Scenes)
	}
	pairs := 0
	for _, a := range s.replay.kept {
		for _, b := range a.near {
			pairs++
			if d := (truth[a.frame] - truth[b]).Abs(); d > 2*c.Near { // a stamp may be wrong by Near
				t.Fatalf("frames %v apart are a pair", d)
			}
		}
	}
	if pairs == 0 {
		t.Error("no pairs at all")
	}
}
