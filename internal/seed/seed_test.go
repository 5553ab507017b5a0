package seed

import "testing"

func TestSameNameAndCountersDrawTheSameNumbers(t *testing.T) {
	a, b := New(7).At("sampler").At("crop").Rand(3, 4), New(7).At("sampler").At("crop").Rand(3, 4)
	for range 100 {
		if x, y := a.Uint64(), b.Uint64(); x != y {
			t.Fatalf("%d ≠ %d", x, y)
		}
	}
}

func TestEveryNameAndCounterDrawsItsOwnNumbers(t *testing.T) {
	s := New(7)
	seen := map[uint64]string{}
	for name, x := range map[string]uint64{
		"root": s.Uint64(), "counter 0": s.Uint64(0), "counters 0 0": s.Uint64(0, 0), "counters 0 1": s.Uint64(0, 1),
		"a": s.At("a").Uint64(), "b": s.At("b").Uint64(), "a.b": s.At("a").At("b").Uint64(), "ab": s.At("ab").Uint64(), "other root": New(8).Uint64(),
	} {
		if other, ok := seen[x]; ok {
			t.Errorf("%s and %s draw the same number", name, other)
		}
		seen[x] = name
	}
}
