package bank

import (
	"math"

	"github.com/nearfar/nearfar/internal/seed"
)

// Instances is the memory bank of non-parametric instance discrimination (Wu et al. 2018,
// arXiv:1805.01978, §3.1): one vector a frame, which moves a little whenever the frame is seen again. A data
// set has a slot for each of its pictures; a stream has no end, so a new frame takes the slot of the frame
// that has had one for longest. It is not safe for concurrent use.
type Instances struct {
	*Rolling
	momentum float32
	seed     seed.Seed
	slots    map[instance]int
	given    uint64 // slots given away so far
}

// instance tells frames apart.
type instance struct {
	camera   string
	seq      uint64
	captured int64
}

func instanceOf(o Origin) instance { return instance{o.Camera, o.Seq, nanos(o.Captured)} }

// NewInstances is an empty bank for size frames of dim numbers; momentum is what is kept of a vector when its
// frame is seen again (0.5 in the paper).
func NewInstances(size, dim int, momentum float32, s seed.Seed) *Instances {
	return &Instances{Rolling: New(size, dim), momentum: momentum, seed: s, slots: map[instance]int{}}
}

// Slot is the frame's slot. A frame without one is given that of the oldest, and in it a random unit
// vector: a direction of its own, as the paper begins with.
func (b *Instances) Slot(o Origin) int {
	id := instanceOf(o)
	if slot, ok := b.slots[id]; ok {
		return slot
	}
	slot := b.next
	if slot < len(b.origins) {
		delete(b.slots, instanceOf(b.origins[slot]))
	}
	v := make([]float32, b.dim)
	r := b.seed.Rand(b.given)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	unit(v)
	b.given++
	b.put(v, o)
	b.slots[id] = slot
	return slot
}

// Move lets the vector of a slot follow: v ← unit(m·v + (1−m)·f).
func (b *Instances) Move(slot int, f []float32, step uint64) {
	v := b.keys[slot*b.dim : (slot+1)*b.dim]
	for i := range v {
		v[i] = b.momentum*v[i] + (1-b.momentum)*f[i]
	}
	unit(v)
	b.origins[slot].Step = step
}

// Adopt takes over the frames of a bank that was read back. given is what Given was.
func (b *Instances) Adopt(r *Rolling, given uint64) {
	r.MaxAge, b.Rolling, b.given = b.MaxAge, r, given
	clear(b.slots)
	for slot, o := range r.origins {
		b.slots[instanceOf(o)] = slot
	}
}

// Given is how many slots were given away so far: with the keys, all there is to save.
func (b *Instances) Given() uint64 { return b.given }

// unit gives v length one; a zero vector stays.
func unit(v []float32) {
	if l := math.Sqrt(dot(v, v)); l > 0 {
		for i := range v {
			v[i] = float32(float64(v[i]) / l)
		}
	}
}
