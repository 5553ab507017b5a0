package bank

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/streams/frame"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// entry is a key and its origin, told apart by n.
func entry(n, dim int) ([]float32, Origin) {
	key := make([]float32, dim)
	for i := range key {
		key[i] = float32((n*31+i*17)%101) - 50
	}
	return key, Origin{
		Camera: fmt.Sprint("cam", n%3), Rig: fmt.Sprint("rig", n%2), Captured: epoch.Add(time.Duration(n) * 100 * time.Millisecond),
		Step: uint64(n / 4), Ref: frame.Ref{Topic: "frames", Partition: n % 5, Offset: int64(n)}, Seq: uint64(n),
	}
}

// batches enqueues entries 0, 1, 2 … in batches of the given sizes.
func batches(b *Rolling, sizes []int) (n int) {
	for _, size := range sizes {
		var keys []float32
		var origins []Origin
		for range size {
			key, o := entry(n, b.Dim())
			keys, origins = append(keys, key...), append(origins, o)
			n++
		}
		b.Enqueue(keys, origins)
	}
	return n
}

func TestBankWrapsAtAnyBatchSizeOldestFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, dim := rapid.IntRange(1, 17).Draw(t, "size"), rapid.IntRange(1, 3).Draw(t, "dim")
		b := New(size, dim)
		n := batches(b, rapid.SliceOfN(rapid.IntRange(0, 40), 0, 12).Draw(t, "batches"))
		if b.Len() != min(n, size) || len(b.Keys()) != b.Len()*dim {
			t.Fatalf("%d keys and %d numbers after %d", b.Len(), len(b.Keys()), n)
		}
		if oldest, now := uint64((n-b.Len())/4), uint64(n/4); b.Len() > 0 && b.Age(now) != now-oldest || b.Age(0) != 0 {
			t.Fatalf("after %d the oldest key is %d steps old", n, b.Age(now))
		}
		for i := range b.Len() {
			slot := (b.Oldest() + i) % size
			key, o := entry(n-b.Len()+i, dim)
			if b.Origin(slot) != o || !slices.Equal(b.Keys()[slot*dim:(slot+1)*dim], key) {
				t.Fatalf("slot %d holds frame %d, not %d", slot, b.Origin(slot).Seq, o.Seq)
			}
		}
	})
}

func TestKeysAreCopied(t *testing.T) {
	b := New(2, 1)
	keys := []float32{1, 2}
	b.Enqueue(keys, make([]Origin, 2))
	keys[0] = 9
	if b.Keys()[0] != 1 {
		t.Error("the bank shares memory with what was enqueued")
	}
}

func TestEnqueueDoesNotAllocateOnceFull(t *testing.T) {
	b := New(64, 4)
	batches(b, []int{64})
	var keys []float32
	var origins []Origin
	for n := range 48 {
		key, o := entry(n, 4)
		keys, origins = append(keys, key...), append(origins, o)
	}
	if n := testing.AllocsPerRun(50, func() { b.Enqueue(keys, origins) }); n > 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

func TestNewRigsDoNotPileUp(t *testing.T) {
	b := New(8, 1)
	for n := range 10000 {
		b.Enqueue([]float32{1}, []Origin{{Rig: fmt.Sprint("rig", n), Captured: epoch}})
	}
	if len(b.rigs.name) > 9 || len(b.rigs.number) != 8 {
		t.Errorf("%d names are kept, %d in use, for 8 keys", len(b.rigs.name), len(b.rigs.number))
	}
}
