package kernel

import (
	"cmp"
	"slices"
)

// piece is memory that is wanted from the run of one step to that of another, both included: by one output, or by several
// after each other.
type piece struct {
	size, first, last int // floats, and times
	offset            int
	place             []func([]float32) // its users
}

// take has a later output use the piece, too.
func (p *piece) take(last int, place func([]float32), size int) {
	p.last = max(p.last, last)
	p.place = append(p.place, func(data []float32) { place(data[:size]) })
}

// line is what a piece begins and ends with in the arena, floats: a cache line.
const line = 16

// room is what a piece takes in the arena, floats.
func (p *piece) room() int { return (p.size + line - 1) / line * line }

// Arena is the memory of machines that run after each other: what one has left there is gone once another runs.
type Arena struct{ floats []float32 }

// lay gives pieces their memory, as little as it gets by putting the largest first, each at the lowest place that none
// holds that is wanted at the same time (Pisarchyk & Lee 2020, arXiv:2001.03288, "greedy by size"). It returns how many floats
// that took. Where they are more than the arena has it is made anew, and earlier machines stay in the old one.
func (a *Arena) lay(pieces []*piece) (floats int) {
	slices.SortStableFunc(pieces, func(a, b *piece) int { return cmp.Compare(b.size, a.size) })
	laid := make([]*piece, 0, len(pieces)) // by offset
	for _, p := range pieces {
		p.offset = 0
		for _, other := range laid {
			if other.first > p.last || other.last < p.first {
				continue
			}
			if other.offset-p.offset >= p.room() {
				break
			}
			p.offset = max(p.offset, other.offset+other.room())
		}
		at, _ := slices.BinarySearchFunc(laid, p, func(a, b *piece) int { return cmp.Compare(a.offset, b.offset) })
		laid = slices.Insert(laid, at, p)
		floats = max(floats, p.offset+p.room())
	}
	if floats > len(a.floats) {
		a.floats = make([]float32, floats)
	}
	for _, p := range pieces {
		for _, place := range p.place {
			place(a.floats[p.offset : p.offset+p.size : p.offset+p.size])
		}
	}
	return floats
}
