package sampler

import (
	"math"

	"github.com/nearfar/nearfar/internal/seed"
)

// replay keeps anchors. Reservoir is algorithm R (Vitter 1985): after n anchors each of them is kept with
// probability size/n.
type replay struct {
	policy string
	size   int
	kept   []*anchor
	next   int    // FIFO: slot of the oldest once full, which the next anchor takes
	seen   uint64 // anchors so far
	recent ring   // the newest anchors, kept or not
	seed   seed.Seed
}

func newReplay(c Config, s seed.Seed) replay {
	r := replay{policy: c.Replay.Policy, size: c.Replay.Size, seed: s}
	if r.policy == ReplayNone {
		r.size = c.Batch
		return r
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
	switch {
	case len(r.kept) < r.size:
		r.kept = append(r.kept, a)
	case r.policy == ReplayReservoir:
		if j := r.seed.Rand(n).Uint64N(n + 1); j < uint64(r.size) {
			r.kept[j] = a
		}
	default:
		r.kept[r.next] = a
		r.next = (r.next + 1) % r.size
	}
}

// consistent says whether the buffers hold what so many anchors leave in them.
func (r *replay) consistent() bool {
	next := 0
	if r.policy != ReplayReservoir && len(r.kept) == r.size {
		next = int(r.seen % uint64(r.size))
	}
	return uint64(len(r.kept)) == min(r.seen, uint64(r.size)) && r.next == next && r.recent.consistent(r.seen)
}

// ring holds the newest anchors.
type ring struct {
	size  int
	items []*anchor
	next  int // slot of the oldest once full
}

func (r *ring) add(a *anchor) {
	switch {
	case len(r.items) < r.size:
		r.items = append(r.items, a)
	case r.size > 0:
		r.items[r.next] = a
		r.next = (r.next + 1) % r.size
	}
}

// newest is the i-th newest anchor, from 0.
func (r *ring) newest(i int) *anchor {
	return r.items[(r.next+2*len(r.items)-1-i)%len(r.items)]
}

func (r *ring) consistent(seen uint64) bool {
	next := 0
	if r.size > 0 && len(r.items) == r.size {
		next = int(seen % uint64(r.size))
	}
	return uint64(len(r.items)) == min(seen, uint64(r.size)) && r.next == next
}
