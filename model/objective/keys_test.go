package objective

import (
	"slices"
	"testing"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/seed"
)

func TestNoKeyNearerThanFarIsEverANegative(t *testing.T) {
	n := needs("batch")
	k := newKeys(n, Config{Decay: 1})
	frames := footage(480)
	d := n.Projection
	for step := range uint64(30) {
		batch := frames[step*16 : (step+1)*16]
		k.gather(batch, step)
		for i, f := range batch {
			masked := k.negatives.Slot[k.negatives.Row[i]:k.negatives.Row[i+1]]
			for slot := range k.bank.Len() {
				key := k.bank.Origin(slot)
				near := key.Rig == f.Rig && key.Captured.Sub(f.Captured).Abs() < n.Sampler.Far
				if slices.Contains(masked, int32(slot)) != near {
					t.Fatalf("step %d: the key of %v is left out for %v: %v", step, key.Captured, f.Captured, !near)
				}
			}
		}
		if chance := k.chance(); chance <= 0 || chance > 1 || step > 20 && chance > 0.01 {
			t.Fatalf("step %d: chance %v", step, chance)
		}
		k.hold(make([]float32, 16*d), batch, step)
		k.settle()
	}
}

func TestKeysFadeByTheirAge(t *testing.T) {
	n := needs("batch")
	n.Bank = 8
	k := newKeys(n, Config{Decay: 0.5})
	frames := footage(16)
	for step := range uint64(2) {
		k.hold(make([]float32, 4*n.Projection), frames[4*step:4*step+4], step)
		k.settle()
	}
	k.gather(frames[:1], 3)
	if want := []float32{0.125, 0.125, 0.125, 0.125, 0.25, 0.25, 0.25, 0.25}; !slices.Equal(k.negatives.Scale, want) {
		t.Errorf("scales %v, want %v", k.negatives.Scale, want)
	}
}

func TestNoiseIsUniformOverWhatIsNotMasked(t *testing.T) {
	const live, draws = 20, 40000
	r := seed.New(1).Rand()
	for _, masked := range [][]int32{nil, {0}, {19}, {0, 1, 2, 10, 18, 19}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}} {
		index := make([]int32, draws)
		sampleNoise(index, live, masked, r)
		count := make([]float64, live)
		for _, i := range index {
			count[i]++
		}
		want, squares := float64(draws)/float64(live-len(masked)), 0.0
		for slot, got := range count {
			if slices.Contains(masked, int32(slot)) {
				if got > 0 {
					t.Fatalf("masked %v: slot %d was drawn", masked, slot)
				}
				continue
			}
			squares += (got - want) * (got - want) / want
		}
		if freedom := float64(live - len(masked) - 1); squares > freedom+6*2*freedom/2+20 { // χ², far beyond luck
			t.Errorf("masked %v: χ² = %.1f of %v degrees of freedom: %v", masked, squares, freedom, count)
		}
	}
	all := []int32{0, 1, 2}
	index := make([]int32, 100)
	if sampleNoise(index, 3, all, r); slices.Min(index) < 0 || slices.Max(index) > 2 {
		t.Errorf("where all are masked: %v", index)
	}
}

// Each frame answers with its own slot, even where the batch's new frames take the slots of old ones.
func TestEveryFrameAnswersWithItsOwnSlot(t *testing.T) {
	n := needs("batch")
	n.Bank = n.Batch + 3 // so few that slots change hands within a batch
	b := newBench(t, Config{Kind: "npid", Softmax: true}, n, footage(480))
	o := b.objective.(*npid)
	stolen := 0
	for range 30 {
		b.paint()
		before := map[int]bank.Origin{}
		for slot := range o.memory.Len() {
			before[slot] = o.memory.Origin(slot)
		}
		b.learn()
		for row, f := range o.anchors(o.drawn) {
			own := o.memory.Origin(o.slots[row])
			if own.Camera != f.Camera || own.Seq != f.Seq {
				t.Fatalf("row %d shows frame %d of %s, its slot is that of frame %d of %s", row, f.Seq, f.Camera, own.Seq, own.Camera)
			}
			if was, ok := before[o.slots[row]]; ok && (was.Camera != f.Camera || was.Seq != f.Seq) {
				stolen++
			}
			d := n.Projection
			if !slices.Equal(o.noise.Positive[row*d:(row+1)*d], o.memory.Keys()[o.slots[row]*d:(o.slots[row]+1)*d]) {
				t.Fatalf("row %d is to look like something else than its slot", row)
			}
			at := o.instances.Slot[o.instances.Row[row]:o.instances.Row[row+1]]
			if o.instances.Own[row] != int32(o.slots[row]) || slices.Contains(at, int32(o.slots[row])) {
				t.Fatalf("row %d: its answer %d is left out of the softmax", row, o.slots[row])
			}
		}
		o.Settle(b.step)
		b.step++
	}
	if stolen == 0 {
		t.Fatal("no slot changed hands: the test would prove little")
	}
}

func TestNoiseNeverHoldsTheFramesOwnScene(t *testing.T) {
	b := newBench(t, Config{Kind: "npid", Negatives: 50}, needs("batch"), footage(480))
	o := b.objective.(*npid)
	for range 25 {
		b.train()
	}
	b.paint()
	b.learn()
	for row, f := range o.anchors(o.drawn) {
		for _, slot := range o.noise.Index[row*50 : (row+1)*50] {
			if o.memory.Origin(int(slot)).Captured.Sub(f.Captured).Abs() < o.needs.Sampler.Far {
				t.Fatalf("row %d: noise of its own scene", row)
			}
		}
	}
}
