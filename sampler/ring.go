package sampler

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
