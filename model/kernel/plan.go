package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"gorgonia.org/tensor"
)

// plan decides which memory each op's output lies in. Times and nodes are places in the order of running.
type plan struct {
	last    []int // when a node is read last
	forever []bool
	own     []bool // an op of this package, whose output can be moved
}

func newPlan(nodes int) *plan {
	p := &plan{last: make([]int, nodes), forever: make([]bool, nodes), own: make([]bool, nodes)}
	for i := range p.last {
		p.last[i] = -1
	}
	return p
}

func (p *plan) keep(node int) { p.forever[node] = true }

// kept says that a node's output is not reused: it was asked for, or nothing reads it.
func (p *plan) kept(node int) bool { return p.forever[node] || p.last[node] < 0 }

// use notes what a step reads. Ops of other packages may hold on to what they are given.
func (p *plan) use(at int, s step) {
	_, p.own[at] = s.op.(*op)
	for _, i := range s.in {
		p.last[i] = at
		if !p.own[at] {
			p.keep(i)
		}
	}
}

// lay gives every output its memory in an arena and returns how many floats that took.
func (p *plan) lay(steps []step, in *Arena) (floats int, err error) {
	pieces, of := []*piece{}, make([]*piece, len(p.last)) // of each node's output
	take := func(size, first, node int, place func([]float32)) *piece {
		made := &piece{size: size, first: first, last: p.until(node), place: []func([]float32){place}}
		pieces = append(pieces, made)
		return made
	}
	for _, s := range steps {
		o, ok := s.op.(*op)
		if !ok {
			continue
		}
		if o.placed {
			return 0, fmt.Errorf("planning a graph: %v runs on another machine already", o)
		}
		o.placed = true
		first := s.at
		if o.into != nil {
			first = s.in[0] // whose run fills it
		}
		if o.over >= 0 && p.dies(s, s.in[o.over]) && of[s.in[o.over]] != nil && of[s.in[o.over]].size >= o.size() {
			of[s.at] = of[s.in[o.over]]
			of[s.at].take(p.until(s.at), o.place, o.size())
		} else {
			of[s.at] = take(o.size(), first, s.at, o.place)
		}
		if o.asked {
			take((o.size()+1)/2, first, s.at, func(data []float32) {
				o.rounded = unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(data))), o.size())
			})
		}
	}
	return in.lay(pieces), nil
}

// until is when a node's output is wanted last.
func (p *plan) until(node int) int {
	if p.kept(node) {
		return math.MaxInt
	}
	return p.last[node]
}

// dies says that a step is the last to read a node that need not be kept.
func (p *plan) dies(s step, node int) bool { return p.last[node] == s.at && !p.kept(node) }

// newSum is a + b, in the place of Gorgonia's, which takes new memory for each.
func newSum(shape tensor.Shape) *op {
	o := newOp("Add", shape...)
	o.in = []tensor.Shape{shape, shape}
	o.inputs = make([][]float32, 2)
	o.over = 0
	o.run = func(in [][]float32) error {
		C.nf_add(ptr(in[0]), ptr(in[1]), ptr(o.data), C.long(len(o.data)), nt())
		return nil
	}
	return o
}
