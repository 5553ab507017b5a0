package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
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

// lay gives every output its memory and returns how many floats that took.
func (p *plan) lay(steps []step) (floats int, err error) {
	memory := make([][]float32, len(p.last))  // of each node whose output is laid
	rounded := make([][]float32, len(p.last)) // of its output in bf16
	var store shelf
	for _, s := range steps {
		o, ok := s.op.(*op)
		if !ok {
			continue
		}
		if o.placed {
			return store.floats, fmt.Errorf("planning a graph: %v runs on another machine already", o)
		}
		o.placed = true
		switch need := len(o.data); {
		case o.pinned:
			store.floats += need
		case o.over >= 0 && p.dies(s, s.in[o.over]) && memory[s.in[o.over]] != nil && cap(memory[s.in[o.over]]) >= need:
			memory[s.at], memory[s.in[o.over]] = memory[s.in[o.over]], nil
			o.place(memory[s.at][:need])
		default:
			memory[s.at] = store.take(need)
			o.place(memory[s.at][:need])
		}
		if need := len(o.rounded); need > 0 {
			rounded[s.at] = store.take((need + 1) / 2)
			o.rounded = unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(rounded[s.at]))), need)
		}
		for _, i := range s.in {
			if p.dies(s, i) {
				store.give(memory[i])
				store.give(rounded[i])
				memory[i], rounded[i] = nil, nil
			}
		}
	}
	return store.floats, nil
}

// shelf is memory that is free for now.
type shelf struct {
	free   [][]float32
	floats int // that were ever made
}

// take is the smallest piece that fits, of equals the one given last, or a new one.
func (s *shelf) take(need int) []float32 {
	best := -1
	for i, f := range s.free {
		if cap(f) >= need && (best < 0 || cap(f) <= cap(s.free[best])) {
			best = i
		}
	}
	if best < 0 {
		s.floats += need
		return make([]float32, need)
	}
	f := s.free[best]
	s.free = append(s.free[:best], s.free[best+1:]...)
	return f
}

func (s *shelf) give(f []float32) {
	if f != nil {
		s.free = append(s.free, f)
	}
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
