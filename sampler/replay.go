package sampler

import (
	"math"

	"github.com/nearfar/nearfar/internal/seed"
)

// replay keeps anchors in up to two tiers: the newest ones in order, and of those that have left the newest a
// sample. FIFO is the first tier alone, a reservoir the second; minimum redundancy decides for itself.
type replay struct {
	policy string
	size   int
	kept   []*anchor // the first tier, then the second; an anchor knows its slot
	short  int       // size of the first tier
	next   int       // first tier: slot of the oldest once full, which the next anchor takes
	seen   uint64    // anchors so far
	recent ring      // the newest anchors, kept or not
	minred *minred   // nil under every other policy
	seed   seed.Seed
}

func newReplay(c Config, s seed.Seed) replay {
	r := replay{policy: c.Replay.Policy, size: c.Replay.Size, seed: s}
	switch r.policy {
	case ReplayNone:
		r.size = c.Batch
		r.short = r.size
	case ReplayFIFO:
		r.short = r.size
	case ReplayTwoTier:
		r.short = int(math.Round(c.Replay.Short * float64(r.size)))
	case ReplayMinRed:
		r.minred = &minred{}
	}
	r.recent.size = c.newest()
	return r
}

// newest is how many rows of a batch are the newest anchors.
func (c Config) newest() int {
	if c.Replay.Policy == ReplayNone {
		return 0
	}
	return int(math.Round(c.Replay.Newest * float64(c.Batch)))
}

// add takes the next anchor.
func (r *replay) add(a *anchor) {
	r.recent.add(a)
	n := r.seen
	r.seen++
	if r.minred != nil {
		i := len(r.kept)
		if i == r.size {
			i = r.minred.evict()
		}
		r.put(i, a)
		r.minred.insert(i, n)
		return
	}
	if r.short > 0 {
		if len(r.kept) < r.short {
			r.put(len(r.kept), a)
			return
		}
		oldest := r.kept[r.next]
		r.put(r.next, a)
		r.next = (r.next + 1) % r.short
		a, n = oldest, n-uint64(r.short)
	}
	r.sample(a, n)
}

// sample offers the second tier its n-th anchor, from 0: algorithm R (Vitter 1985), by which after n anchors
// each of them is kept with the same probability.
func (r *replay) sample(a *anchor, n uint64) {
	if len(r.kept) < r.size {
		r.put(len(r.kept), a)
	} else if r.short < r.size {
		if j := r.seed.Rand(n).Uint64N(n + 1); j < uint64(r.size-r.short) {
			r.put(r.short+int(j), a)
		}
	}
}

// put lays an anchor into a slot, the next free one or one that is taken.
func (r *replay) put(i int, a *anchor) {
	if i == len(r.kept) {
		r.kept = append(r.kept, nil)
	}
	r.kept[i], a.slot = a, i
}

// holds says whether an anchor is in its slot.
func (r *replay) holds(a *anchor) bool { return a.slot < len(r.kept) && r.kept[a.slot] == a }

// Learned hands the sampler what the encoder made of a draw's anchors in this step: vectors (N, dim), of any
// length. A replay policy that decides by what has been learned needs it after every step, before the next
// frame is pushed; to others it is nothing.
func (s *Sampler) Learned(d *Draw, vectors []float32, dim int) {
	if len(vectors) != len(d.anchors)*dim {
		panic("sampler: there must be a vector of dim numbers for each anchor of the draw")
	}
	r := &s.replay
	if r.minred == nil {
		return
	}
	r.minred.shape(dim)
	for row, a := range d.anchors {
		if r.holds(a) {
			r.minred.learn(a.slot, vectors[row*dim:(row+1)*dim])
		}
	}
}

// consistent says whether the buffers hold what so many anchors leave in them.
func (r *replay) consistent() bool {
	next := 0
	if r.short > 0 && r.seen >= uint64(r.short) {
		next = int(r.seen % uint64(r.short))
	}
	return uint64(len(r.kept)) == min(r.seen, uint64(r.size)) && r.next == next && r.recent.consistent(r.seen) &&
		(r.minred == nil || r.minred.consistent(len(r.kept)))
}
