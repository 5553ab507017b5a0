// Package bank keeps the keys of past batches as negatives: the queue of momentum contrast (He et al. 2020,
// arXiv:1911.05722, §3.2), each key with its provenance. Knowing which camera saw the frame of a key, and
// when, lets the bank say which keys are no negatives for an anchor. It wraps at any batch size, drops
// nothing but the oldest, is saved with the model, and answers exact nearest-neighbour queries.
package bank

import (
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Origin is the provenance of a key.
type Origin struct {
	Camera   string
	Rig      string
	Captured time.Time // of the key's frame
	Step     uint64    // of the trainer when the key was made
	Ref      frame.Ref // the key's frame in Kafka
	Seq      uint64    // the key's frame among its camera's
}

// Rolling is a ring of keys. It is not safe for concurrent use.
type Rolling struct {
	// MaxAge is for how many steps a key is a negative; 0: until it is overwritten.
	MaxAge uint64

	size, dim int
	next      int       // slot of the next key; the oldest key lies there once the ring is full
	keys      []float32 // (Len, dim), slot order
	origins   []Origin  // by slot
	rigs      names     // of the origins, as small numbers
	rig       []int32   // by slot: number of the origin's rig
	captured  []int64   // by slot: nanoseconds, see nanos
}

// New is an empty bank for size keys of dim numbers.
func New(size, dim int) *Rolling {
	if size <= 0 || dim <= 0 {
		panic("bank: size and dim must be positive")
	}
	return &Rolling{
		size: size, dim: dim, rigs: newNames(),
		keys: make([]float32, 0, size*dim), origins: make([]Origin, 0, size),
		rig: make([]int32, 0, size), captured: make([]int64, 0, size),
	}
}

// Enqueue takes n keys (n, dim) with their origins, oldest first, and overwrites the oldest ones. n may be
// any number, also more than the bank holds: the newest stay. Keys are copied.
func (b *Rolling) Enqueue(keys []float32, origins []Origin) {
	if len(keys) != len(origins)*b.dim {
		panic("bank: keys and origins disagree about their number")
	}
	for i := range origins {
		b.put(keys[i*b.dim:(i+1)*b.dim], origins[i])
	}
}

// put writes one key into the next slot.
func (b *Rolling) put(key []float32, o Origin) {
	if slot := b.next; slot < len(b.origins) {
		b.rigs.drop(b.rig[slot])
		copy(b.keys[slot*b.dim:], key)
		b.origins[slot], b.rig[slot], b.captured[slot] = o, b.rigs.take(o.Rig), nanos(o.Captured)
	} else {
		b.keys = append(b.keys, key...)
		b.origins = append(b.origins, o)
		b.rig = append(b.rig, b.rigs.take(o.Rig))
		b.captured = append(b.captured, nanos(o.Captured))
	}
	b.next = (b.next + 1) % b.size
}

// Len is the number of keys.
func (b *Rolling) Len() int { return len(b.origins) }

// Cap is the number of keys the bank can hold.
func (b *Rolling) Cap() int { return b.size }

// Dim is the length of a key.
func (b *Rolling) Dim() int { return b.dim }

// Keys are all keys (Len, Dim) in slot order, contiguous. They are read-only and change with Enqueue.
func (b *Rolling) Keys() []float32 { return b.keys }

// Origin is the provenance of the key in a slot.
func (b *Rolling) Origin(slot int) Origin { return b.origins[slot] }

// Oldest is the slot of the oldest key, 0 in an empty bank. Slots age upwards from it, wrapping at Cap.
func (b *Rolling) Oldest() int {
	if len(b.origins) < b.size {
		return 0
	}
	return b.next
}

// Age is how many steps before step the oldest key was made, 0 in an empty bank.
func (b *Rolling) Age(step uint64) uint64 {
	if len(b.origins) == 0 {
		return 0
	}
	return step - min(step, b.origins[b.Oldest()].Step)
}

// nanos is a time as nanoseconds since 1970, cut to the years 1823 to 2116 so that no difference of two
// overflows.
func nanos(t time.Time) int64 {
	const limit int64 = 1 << 62 / 1_000_000_000
	return min(max(t.Unix(), -limit), limit-1)*1_000_000_000 + int64(t.Nanosecond())
}
