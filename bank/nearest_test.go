package bank

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestNearestAgreesWithSortingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, dim := rapid.IntRange(1, 30).Draw(t, "size"), rapid.IntRange(1, 4).Draw(t, "dim")
		b := New(size, dim)
		small := rapid.IntRange(-2, 2) // few values: many ties and zero vectors
		vector := func(of string) []float32 {
			v := make([]float32, dim)
			for i := range v {
				v[i] = float32(small.Draw(t, of))
			}
			return v
		}
		for n := range rapid.IntRange(0, 40).Draw(t, "keys") {
			b.Enqueue(vector("key"), []Origin{{Seq: uint64(n)}})
		}
		query, k := vector("query"), rapid.IntRange(0, 35).Draw(t, "k")
		cosine := func(slot int) float32 {
			var ab, aa, bb float64
			for i, x := range query {
				y := b.Keys()[slot*dim+i]
				ab, aa, bb = ab+float64(x)*float64(y), aa+float64(x)*float64(x), bb+float64(y)*float64(y)
			}
			if aa == 0 || bb == 0 {
				return 0
			}
			return float32(ab / (math.Sqrt(aa) * math.Sqrt(bb)))
		}
		slots := make([]int, b.Len())
		for i := range slots {
			slots[i] = i
		}
		slices.SortStableFunc(slots, func(i, j int) int {
			switch x, y := cosine(i), cosine(j); {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
		hits := b.Nearest(query, k)
		if len(hits) != min(k, b.Len()) {
			t.Fatalf("%d hits of %d keys, %d wanted", len(hits), b.Len(), k)
		}
		for i, h := range hits {
			if h.Slot != slots[i] || h.Score != cosine(h.Slot) || h.Origin != b.Origin(h.Slot) {
				t.Fatalf("hit %d is slot %d with %v, not slot %d with %v", i, h.Slot, h.Score, slots[i], cosine(slots[i]))
			}
		}
	})
}

func TestKeyFindsItself(t *testing.T) {
	b := New(50, 8)
	batches(b, []int{50})
	for slot := range b.Len() {
		hit := b.Nearest(b.Keys()[slot*8:(slot+1)*8], 1)[0]
		if hit.Slot != slot || math.Abs(float64(hit.Score)-1) > 1e-6 {
			t.Errorf("slot %d finds slot %d with %v", slot, hit.Slot, hit.Score)
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	bank := New(4096, 128)
	batches(bank, []int{4096})
	query, _ := entry(5, 128)
	for b.Loop() {
		bank.Nearest(query, 8)
	}
}
