package pretext

import (
	"slices"
	"strings"
	"testing"
)

func allSLA() (all []SLA) {
	for _, quarters := range []int{1, 2, 4} {
		for _, orders := range []int{1, 3, 6} {
			if quarters*orders > 1 {
				all = append(all, SLA{quarters, orders})
			}
		}
	}
	return all
}

func TestTransformationsAreDistinctAndInvertible(t *testing.T) {
	for _, s := range allSLA() {
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		p := noise(6, 1)
		copies := make([][]float32, s.M())
		for k := range copies {
			copies[k] = make([]float32, len(p.Pix))
			s.Transform(copies[k], p.Pix, 6, k)
			for i := range k {
				if slices.Equal(copies[i], copies[k]) {
					t.Errorf("%+v: %d and %d are the same", s, i, k)
				}
			}
		}
		if !slices.Equal(copies[0], p.Pix) {
			t.Errorf("%+v: 0 changes the view", s)
		}
		// The set is a group: for each there is one that undoes it.
		back := make([]float32, len(p.Pix))
		for k, c := range copies {
			undone := false
			for i := range s.M() {
				s.Transform(back, c, 6, i)
				undone = undone || slices.Equal(back, p.Pix)
			}
			if !undone {
				t.Errorf("%+v: nothing undoes %d", s, k)
			}
		}
	}
}

func TestTransformationsAreNumberedAsInTheReleasedCode(t *testing.T) {
	// The channels that torch.stack takes in color_perm and color_perm3, and rot90 by k of 4 or of 0 and 2.
	channels := map[int][][3]int{
		1: {{0, 1, 2}},
		3: {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}},
		6: {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}},
	}
	turns := map[int][]int{1: {0}, 2: {0, 2}, 4: {0, 1, 2, 3}}
	for _, s := range allSLA() {
		p := noise(5, 2)
		got, turned := make([]float32, len(p.Pix)), make([]float32, len(p.Pix))
		k := 0
		for _, quarter := range turns[s.Quarters] {
			Rotate(turned, p.Pix, 5, quarter)
			for _, o := range channels[s.Orders] {
				s.Transform(got, p.Pix, 5, k)
				for i := range got {
					if got[i] != turned[i/3*3+o[i%3]] {
						t.Fatalf("%+v: %d is not quarter %d with channels %v", s, k, quarter, o)
					}
				}
				k++
			}
		}
		if k != s.M() {
			t.Errorf("%+v has %d transformations instead of %d", s, s.M(), k)
		}
	}
}

func TestSLARefusesWhatIsNoSet(t *testing.T) {
	for want, s := range map[string]SLA{"1, 2 or 4": {3, 1}, "1, 3 or 6": {4, 2}, "by nothing": {1, 1}} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, not %q", s, err, want)
		}
	}
}
