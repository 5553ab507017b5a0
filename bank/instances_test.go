package bank

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
)

func seen(i int) Origin {
	return Origin{Camera: "gate", Rig: "gate", Seq: uint64(i), Captured: time.Unix(int64(i), 0)}
}

func TestAFrameKeepsItsSlotUntilTheBankWraps(t *testing.T) {
	b := NewInstances(4, 8, 0.5, seed.New(1))
	for i := range 4 {
		if slot := b.Slot(seen(i)); slot != i {
			t.Errorf("frame %d got slot %d", i, slot)
		}
	}
	if b.Slot(seen(2)) != 2 {
		t.Error("a frame that is seen again got another slot")
	}
	if b.Slot(seen(9)) != 0 { // takes the place of the oldest
		t.Error("the fifth frame did not take the oldest slot")
	}
	if b.Slot(seen(0)) != 1 {
		t.Error("a frame that lost its slot did not get a new one")
	}
}

func TestSlotsHoldUnitVectorsThatFollow(t *testing.T) {
	b := NewInstances(2, 4, 0.5, seed.New(2))
	slot := b.Slot(seen(0))
	before := slices.Clone(b.Keys()[:4])
	f := []float32{1, 0, 0, 0}
	b.Move(slot, f, 7)
	want := make([]float64, 4)
	for i := range want {
		want[i] = 0.5*float64(before[i]) + 0.5*float64(f[i])
	}
	l := math.Sqrt(want[0]*want[0] + want[1]*want[1] + want[2]*want[2] + want[3]*want[3])
	for i, v := range b.Keys()[:4] {
		if math.Abs(float64(v)-want[i]/l) > 1e-6 {
			t.Errorf("number %d is %v, want %v", i, v, want[i]/l)
		}
	}
	if b.Origin(slot).Step != 7 {
		t.Error("the step of the move was not kept")
	}
}

func TestInstancesReadBackGoOnTheSame(t *testing.T) {
	whole, half := NewInstances(5, 3, 0.5, seed.New(3)), NewInstances(5, 3, 0.5, seed.New(3))
	see := func(b *Instances, from, to int) {
		for i := from; i < to; i++ {
			b.Move(b.Slot(seen(i*i%11)), []float32{float32(i), 1, -1}, uint64(i))
		}
	}
	see(whole, 0, 40)
	see(half, 0, 17)
	var saved bytes.Buffer
	if _, err := half.WriteTo(&saved); err != nil {
		t.Fatal(err)
	}
	r, err := Read(&saved)
	if err != nil {
		t.Fatal(err)
	}
	back := NewInstances(5, 3, 0.5, seed.New(3))
	back.Adopt(r, half.Given())
	see(back, 17, 40)
	if !slices.Equal(back.Keys(), whole.Keys()) || fmt.Sprint(back.slots) != fmt.Sprint(whole.slots) {
		t.Error("a bank that was saved and read back ends differently")
	}
}
