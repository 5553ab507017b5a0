package loss

import (
	"cmp"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

func TestHardNegativesAreThoseASortPutsFirst(t *testing.T) {
	for _, c := range []struct {
		n, d, k, keep int
		masked        bool
	}{{3, 4, 20, 5, false}, {3, 4, 20, 0, false}, {3, 4, 20, 30, false}, {40, 8, 300, 16, true}, {2, 4, 0, 3, false}, {5, 2, 10, 9, true}} {
		r := seed.New(uint64(c.k)).Rand()
		q, neg := units(r, c.n, c.d), &Negatives{Keys: units(r, c.k, c.d)}
		if c.masked {
			neg.Row, neg.Slot = someMask(r, c.n, c.k)
		}
		row, slot := HardNegatives(nil, nil, q, neg, c.keep, c.n, c.d)
		for i := range c.n {
			var free []int32
			for j := range int32(c.k) {
				if !slices.Contains(listed(neg.Row, neg.Slot, i), j) {
					free = append(free, j)
				}
			}
			score := func(j int32) float32 { return dot(q[i*c.d:(i+1)*c.d], neg.Keys[int(j)*c.d:int(j+1)*c.d]) }
			slices.SortStableFunc(free, func(a, b int32) int { return cmp.Compare(score(b), score(a)) })
			want := free[:min(c.keep, len(free))]
			got := slot[row[i]:row[i+1]]
			for j := range int32(c.k) {
				if slices.Contains(got, j) == slices.Contains(want, j) {
					t.Fatalf("%+v: query %d masks %v, and should not mask %v", c, i, got, want)
				}
			}
			if !slices.IsSorted(got) {
				t.Errorf("%+v: query %d masks %v, which is not ascending", c, i, got)
			}
		}
	}
}

func TestOfEqualNegativesTheEarlierIsHarder(t *testing.T) {
	neg := &Negatives{Keys: []float32{0, 1, 1, 0, 1, 0, 1, 0, 0, 1}}
	row, slot := HardNegatives(nil, nil, []float32{1, 0}, neg, 2, 1, 2)
	if !slices.Equal(row, []int32{0, 3}) || !slices.Equal(slot, []int32{0, 3, 4}) {
		t.Errorf("mask %v %v", row, slot)
	}
}

// The mask leaves InfoNCE with as many candidates as were asked for, harder than all of them are on average.
func TestInfoNCETakesTheMaskOfHardNegatives(t *testing.T) {
	r := seed.New(3).Rand()
	q, keys, neg := units(r, 6, 8), units(r, 6, 8), &Negatives{Keys: units(r, 200, 8)}
	_, _, all := run(t, q, keys, 8, neg, 0.2)
	neg.Row, neg.Slot = HardNegatives(nil, nil, q, neg, 10, 6, 8)
	_, _, hard := run(t, q, keys, 8, neg, 0.2)
	near(t, "candidates", float64(hard.Candidates), 2.3979, 1e-4) // ln 11
	if hard.Negative <= all.Negative+0.3 {
		t.Errorf("the hardest score %v on average, all %v", hard.Negative, all.Negative)
	}
}
