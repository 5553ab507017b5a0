package pretext

import (
	"slices"
	"testing"
)

// The paper reports for its sets of 100 a mean of 8.08 and a least distance of 2 (its table of ablations).
func TestPermutationsLieFarApart(t *testing.T) {
	for _, want := range []struct {
		n, least int
		mean     float64
	}{{2, 9, 9}, {9, 9, 9}, {24, 6, 8.3}, {100, 2, 8.0}, {1000, 2, 8.0}} {
		set := Permutations(want.n, generator(1))
		if len(set) != want.n {
			t.Fatalf("%d permutations instead of %d", len(set), want.n)
		}
		seen := map[Permutation]bool{}
		for _, p := range set {
			sorted := p
			slices.Sort(sorted[:])
			if sorted != (Permutation{0, 1, 2, 3, 4, 5, 6, 7, 8}) {
				t.Fatalf("%v is no permutation of nine", p)
			}
			if seen[p] {
				t.Fatalf("%v is there twice", p)
			}
			seen[p] = true
		}
		least, mean := Spread(set)
		t.Logf("%d: least %d, mean %.4f", want.n, least, mean)
		if least < want.least || mean < want.mean {
			t.Errorf("%d: least %d, mean %.3f instead of at least %d and %.2f", want.n, least, mean, want.least, want.mean)
		}
	}
}

func TestPermutationsAreGreedy(t *testing.T) {
	set := Permutations(12, generator(2))
	codes := allCodes()
	if len(codes) != nines || !slices.IsSorted(codes) {
		t.Fatal("the candidates are not all permutations in order")
	}
	for k := 1; k < len(set); k++ {
		score := func(p Permutation) (sum, least int) {
			least = 9
			for _, q := range set[:k] {
				d := 0
				for i := range q {
					if p[i] != q[i] {
						d++
					}
				}
				sum, least = sum+d, min(least, d)
			}
			return sum, least
		}
		sum, least := score(set[k])
		for i := 0; i < nines; i += 7 {
			if s, l := score(unpack(codes[i])); l > 0 && (s > sum || s == sum && l > least) {
				t.Fatalf("choice %d is %v (sum %d, least %d), %v has %d and %d", k, set[k], sum, least, unpack(codes[i]), s, l)
			}
		}
	}
}

func TestPermutationsAreAFunctionOfTheirSeed(t *testing.T) {
	a, b, c := Permutations(24, generator(3)), Permutations(24, generator(3)), Permutations(24, generator(4))
	if !slices.Equal(a, b) {
		t.Error("the same seed chose other permutations")
	}
	if slices.Equal(a, c) {
		t.Error("another seed chose the same permutations")
	}
}

func BenchmarkPermutations1000(b *testing.B) {
	for b.Loop() {
		Permutations(1000, generator(1))
	}
}
