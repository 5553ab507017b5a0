package sampler

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// numbered are anchors told apart by Seq.
func numbered(n int) (as []*anchor) {
	for i := range n {
		as = append(as, &anchor{frame: &frame.Frame{Meta: frame.Meta{Seq: uint64(i)}}})
	}
	return as
}

func replayOf(policy string, size, batch int, newest float64, root uint64) replay {
	c := Defaults()
	c.Replay, c.Batch = ReplayConfig{Policy: policy, Size: size, Newest: newest}, batch
	return newReplay(c, seed.New(root))
}

func TestFIFOKeepsTheNewestOldestFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, n := rapid.IntRange(1, 20).Draw(t, "size"), rapid.IntRange(0, 60).Draw(t, "n")
		r := replayOf(ReplayFIFO, size, 4, 0, 1)
		for _, a := range numbered(n) {
			r.add(a)
		}
		if len(r.kept) != min(size, n) {
			t.Fatalf("%d anchors are kept of %d", len(r.kept), n)
		}
		for i := range r.kept {
			want := uint64(max(0, n-size) + i)
			if got := r.kept[(r.next+i)%len(r.kept)].frame.Seq; got != want {
				t.Fatalf("the anchor of rank %d is %d, not %d", i, got, want)
			}
		}
	})
}

func TestPolicyNoneKeepsTheNewestBatch(t *testing.T) {
	r := replayOf(ReplayNone, 999, 8, 0.5, 1)
	for _, a := range numbered(30) {
		r.add(a)
	}
	for _, a := range r.kept {
		if a.frame.Seq < 22 {
			t.Errorf("anchor %d is kept though 8 newer ones came", a.frame.Seq)
		}
	}
	if len(r.kept) != 8 || r.recent.size != 0 {
		t.Errorf("%d anchors are kept instead of 8, and %d newest", len(r.kept), r.recent.size)
	}
}

func TestNewestAnchorsAreInOrderUnderEveryPolicy(t *testing.T) {
	for _, policy := range []string{ReplayFIFO, ReplayReservoir} {
		r := replayOf(policy, 50, 20, 0.25, 1)
		for n, a := range numbered(300) {
			r.add(a)
			for i := range min(5, n+1) {
				if got := r.recent.newest(i).frame.Seq; got != uint64(n-i) {
					t.Fatalf("%s: after %d anchors the newest but %d is %d", policy, n+1, i, got)
				}
			}
		}
	}
}

// Each anchor must be kept with the same probability, early and late alike. The seeds are fixed, so the
// test always sees the same numbers; 60 degrees of freedom exceed 99.6 once in a thousand.
func TestReservoirIsUniform(t *testing.T) {
	const size, n, runs = 10, 61, 4000
	kept := make([]float64, n)
	for root := range uint64(runs) {
		r := replayOf(ReplayReservoir, size, 4, 0, root)
		for _, a := range numbered(n) {
			r.add(a)
		}
		if len(r.kept) != size {
			t.Fatalf("%d anchors are kept instead of %d", len(r.kept), size)
		}
		for _, a := range r.kept {
			kept[a.frame.Seq]++
		}
	}
	expected, chi := float64(runs*size)/n, 0.
	for _, k := range kept {
		chi += (k - expected) * (k - expected) / expected
	}
	chi /= 1 - float64(size)/n // draws without replacement vary less
	if chi > 99.6 || math.IsNaN(chi) {
		t.Errorf("χ² = %.1f; kept %v, expected %.1f each", chi, kept, expected)
	}
}
