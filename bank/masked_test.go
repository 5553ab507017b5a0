package bank

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMaskedSlotsAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(rapid.IntRange(1, 30).Draw(t, "size"), 2)
		n := batches(b, rapid.SliceOfN(rapid.IntRange(0, 20), 0, 5).Draw(t, "batches"))
		b.MaxAge = rapid.SampledFrom([]uint64{0, 1, 3}).Draw(t, "age")
		far := rapid.SampledFrom([]time.Duration{0, 100, 200, 300, 1000}).Draw(t, "far") * time.Millisecond
		_, anchor := entry(rapid.IntRange(0, n+3).Draw(t, "anchor"), 2)
		anchor.Step = rapid.Uint64Range(0, uint64(n/4+5)).Draw(t, "step")
		if rapid.IntRange(0, 4).Draw(t, "stranger") == 0 {
			anchor.Rig = "elsewhere"
		}
		want := []int32{-7} // Masked appends
		for slot := range b.Len() {
			o := b.Origin(slot)
			near := o.Rig == anchor.Rig && o.Captured.Sub(anchor.Captured).Abs() < far
			own := o.Rig == anchor.Rig && o.Camera == anchor.Camera && o.Seq == anchor.Seq && o.Captured.Equal(anchor.Captured)
			old := b.MaxAge > 0 && anchor.Step > o.Step && anchor.Step-o.Step > b.MaxAge
			if near || own || old {
				want = append(want, int32(slot))
			}
		}
		if got := b.Masked([]int32{-7}, anchor, far); !slices.Equal(got, want) {
			t.Fatalf("masked %v instead of %v", got, want)
		}
	})
}

func TestClocksFarOffDoNotOverflow(t *testing.T) {
	b := New(3, 1)
	for _, at := range []time.Time{{}, epoch, time.Unix(1<<40, 0)} {
		b.Enqueue([]float32{1}, []Origin{{Rig: "rig", Captured: at}})
	}
	if got := b.Masked(nil, Origin{Rig: "rig", Captured: epoch, Seq: 1}, time.Hour); !slices.Equal(got, []int32{1}) {
		t.Errorf("masked %v instead of the second alone", got)
	}
	if got := b.Masked(nil, Origin{Rig: "rig", Captured: epoch, Seq: 1}, math.MaxInt64); len(got) != 3 {
		t.Errorf("masked %v instead of all, for ever is far", got)
	}
}

// BenchmarkMasked has keys as they are drawn from a replay buffer: in no order.
func BenchmarkMasked(b *testing.B) {
	bank, r := New(4096, 1), rand.New(rand.NewPCG(1, 2))
	for range bank.Cap() {
		key, o := entry(r.IntN(4096), 1)
		bank.Enqueue(key, []Origin{o})
	}
	var dst []int32
	for b.Loop() {
		_, anchor := entry(r.IntN(4096), 1)
		dst = bank.Masked(dst[:0], anchor, 100*time.Second) // half of the time they span
	}
}
