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
	c.Replay, c.Batch = ReplayConfig{Policy: policy, Size: size, Newest: newest, Short: 0.2}, batch
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

// The newest lie in the first tier, oldest first from next on; the second is a uniform sample of all older.
func TestTwoTiersAreTheNewestAndASampleOfTheRest(t *testing.T) {
	const size, short, n, runs = 20, 5, 66, 4000
	c := Defaults()
	c.Replay = ReplayConfig{Policy: ReplayTwoTier, Size: size, Short: 0.25}
	kept := make([]float64, n-short)
	for root := range uint64(runs) {
		r := newReplay(c, seed.New(root))
		for i, a := range numbered(n) {
			r.add(a)
			if len(r.kept) != min(i+1, size) {
				t.Fatalf("%d of %d anchors are kept", len(r.kept), i+1)
			}
		}
		for i := range short {
			if got := r.kept[(r.next+i)%short].frame.Seq; got != uint64(n-short+i) {
				t.Fatalf("the anchor of rank %d in the first tier is %d", i, got)
			}
		}
		for _, a := range r.kept[short:] {
			if a.frame.Seq >= n-short {
				t.Fatalf("anchor %d is kept twice", a.frame.Seq)
			}
			kept[a.frame.Seq]++
		}
	}
	expected, chi := float64(runs*(size-short))/(n-short), 0.
	for _, k := range kept {
		chi += (k - expected) * (k - expected) / expected
	}
	chi /= 1 - float64(size-short)/(n-short) // draws without replacement vary less
	if chi > 99.6 || math.IsNaN(chi) {       // 60 degrees of freedom
		t.Errorf("χ² = %.1f; kept %v, expected %.1f each", chi, kept, expected)
	}
}

func TestTwoTiersHaveFIFOAndReservoirAsTheirEnds(t *testing.T) {
	for short, policy := range map[float64]string{0: ReplayReservoir, 1: ReplayFIFO} {
		c := Defaults()
		c.Replay = ReplayConfig{Policy: ReplayTwoTier, Size: 20, Short: short}
		two, one := newReplay(c, seed.New(1)), replayOf(policy, 20, 4, 0, 1)
		for i, a := range numbered(200) {
			b := *a
			two.add(a)
			one.add(&b)
			for j := range one.kept {
				if one.kept[j].frame != two.kept[j].frame {
					t.Fatalf("a share of %v in order is not %s after %d anchors", short, policy, i+1)
				}
			}
		}
	}
}

func TestAnchorsKnowTheirSlots(t *testing.T) {
	for _, policy := range policies() {
		r := replayOf(policy, 10, 4, 0.5, 1)
		for _, a := range numbered(100) {
			r.add(a)
			for i, a := range r.kept {
				if a.slot != i || !r.holds(a) {
					t.Fatalf("%s: the anchor in slot %d believes in slot %d", policy, i, a.slot)
				}
			}
		}
	}
}

func TestNewestAnchorsAreInOrderUnderEveryPolicy(t *testing.T) {
	for _, policy := range policies()[1:] {
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
