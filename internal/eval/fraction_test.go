package eval

import (
	"slices"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// unequal is 200 rows of a, 50 of b, 3 of c, mixed, and a class without rows.
func unequal() Set {
	s := Set{Dim: 1, Names: []string{"a", "b", "c", "none"}}
	for i := range 253 {
		label := 0
		switch {
		case i%5 == 4:
			label = 1
		case i%80 == 3:
			label = 2
		}
		s.Labels = append(s.Labels, label)
	}
	s.Vectors = make([]float32, len(s.Labels))
	return s
}

func perClass(s Set, rows []int) []int {
	n := make([]int, len(s.Names))
	for _, r := range rows {
		n[s.Labels[r]]++
	}
	return n
}

func TestFractionIsStratified(t *testing.T) {
	s := unequal()
	all := perClass(s, Fraction(s, 1, seed.New(1)))
	if sum := all[0] + all[1] + all[2]; sum != s.Len() {
		t.Fatalf("the whole has %d of %d rows", sum, s.Len())
	}
	got := perClass(s, Fraction(s, 0.1, seed.New(1)))
	for class, n := range all {
		want := (n + 5) / 10
		if n > 0 {
			want = max(want, 1)
		}
		if got[class] != want {
			t.Errorf("class %s: %d of %d rows, want %d", s.Names[class], got[class], n, want)
		}
	}
}

func TestSmallerFractionsAreParts(t *testing.T) {
	s := unequal()
	var larger []int
	for _, share := range []float64{1, 0.5, 0.1, 0.01} {
		rows := Fraction(s, share, seed.New(7))
		if !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != len(rows) {
			t.Errorf("%g: rows out of order or twice", share)
		}
		for _, r := range rows {
			if larger != nil && !slices.Contains(larger, r) {
				t.Errorf("row %d is in the share %g and not in the larger one", r, share)
			}
		}
		larger = rows
	}
}

func TestFractionIsAFunctionOfTheSeed(t *testing.T) {
	s := unequal()
	a, again, b := Fraction(s, 0.1, seed.New(1)), Fraction(s, 0.1, seed.New(1)), Fraction(s, 0.1, seed.New(2))
	if !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Error("the same seed must give the same rows, another seed others")
	}
}
