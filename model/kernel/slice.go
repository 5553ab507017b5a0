package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Reshape is x in another shape of 1 to 4 dimensions, its numbers in the same order: (N·9, D) → (N, 9·D)
// sets the embeddings of nine tiles side by side.
func Reshape(x *G.Node, shape ...int) (*G.Node, error) {
	if err := anyShape("Reshape", "x", x); err != nil {
		return nil, err
	}
	if len(shape) < 1 || len(shape) > 4 || slices.Min(shape) < 1 {
		return nil, fmt.Errorf("Reshape: the shape must have 1 to 4 dimensions of at least 1, not %v", shape)
	}
	if have, want := x.Shape().TotalSize(), tensor.Shape(shape).TotalSize(); have != want {
		return nil, fmt.Errorf("Reshape: x has %d numbers (shape %v), shape %v takes %d", have, x.Shape(), shape, want)
	}
	o := reshaped("Reshape", shape)
	o.images = isImages(x)
	o.toward = []bool{true}
	o.derive = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		node, err := reshaped("ReshapeGradient", in[0].Shape()).apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

func reshaped(name string, shape []int) *op {
	o := newOp(name, shape...)
	o.over = 0
	o.run = func(in [][]float32) error {
		if &in[0][0] != &o.data[0] {
			copy(o.data, in[0])
		}
		return nil
	}
	return o
}

// Rows are x's rows from to to−1 along its first dimension: (N, …) → (to − from, …).
func Rows(x *G.Node, from, to int) (*G.Node, error) {
	if err := anyShape("Rows", "x", x); err != nil {
		return nil, err
	}
	s := x.Shape().Clone()
	if from < 0 || to <= from || to > s[0] {
		return nil, fmt.Errorf("Rows: rows %d to %d of shape %v; take at least one of rows 0 to %d", from, to, s, s[0])
	}
	row := s.TotalSize() / s[0]
	shape := s.Clone()
	shape[0] = to - from
	o := newOp("Rows", shape...)
	o.images = isImages(x)
	o.toward = []bool{true}
	o.run = func(in [][]float32) error {
		copy(o.data, in[0][from*row:to*row])
		return nil
	}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("RowsGradient", s...)
		d.run = func(in [][]float32) error {
			clear(d.data[:from*row])
			copy(d.data[from*row:], in[0])
			clear(d.data[to*row:])
			return nil
		}
		node, err := d.apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

// Channels are x's channels from to to−1, its last dimension: (…, C) → (…, to − from).
func Channels(x *G.Node, from, to int) (*G.Node, error) {
	if err := anyShape("Channels", "x", x); err != nil {
		return nil, err
	}
	s := x.Shape().Clone()
	c := s[len(s)-1]
	if from < 0 || to <= from || to > c {
		return nil, fmt.Errorf("Channels: channels %d to %d of shape %v; take at least one of channels 0 to %d", from, to, s, c)
	}
	o := columns("Channels", s, from, to)
	o.images = isImages(x)
	o.toward = []bool{true}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		d := newOp("ChannelsGradient", s...)
		d.run = func(in [][]float32) error {
			C.nf_columns_back(ptr(in[0]), ptr(d.data), C.int(c), C.int(from), C.int(to-from), C.long(s.TotalSize()/c), nt())
			return nil
		}
		node, err := d.apply(grad)
		return G.Nodes{node}, err
	}
	return o.apply(x)
}

// columns takes channels out of a tensor of shape s.
func columns(name string, s tensor.Shape, from, to int) *op {
	c := s[len(s)-1]
	shape := s.Clone()
	shape[len(s)-1] = to - from
	o := newOp(name, shape...)
	o.run = func(in [][]float32) error {
		C.nf_columns(ptr(in[0][from:]), C.int(c), ptr(o.data), C.int(to-from), C.int(to-from), C.long(s.TotalSize()/c), nt())
		return nil
	}
	return o
}

// Concat sets the channels of b after those of a: (…, A) and (…, B) → (…, A + B).
func Concat(a, b *G.Node) (*G.Node, error) {
	if err := anyShape("Concat", "a", a); err != nil {
		return nil, err
	}
	if err := anyShape("Concat", "b", b); err != nil {
		return nil, err
	}
	last := a.Shape().Dims() - 1
	if b.Shape().Dims() != last+1 || !slices.Equal(a.Shape()[:last], b.Shape()[:last]) {
		return nil, fmt.Errorf("Concat: shapes %v and %v differ before their last dimension; make them equal there", a.Shape(), b.Shape())
	}
	s := a.Shape().Clone()
	wide, narrow := s[last], b.Shape()[last]
	rows := C.long(s.TotalSize() / wide)
	s[last] += narrow
	o := newOp("Concat", s...)
	o.images = isImages(a) && isImages(b)
	o.toward = []bool{true, true}
	o.run = func(in [][]float32) error {
		C.nf_columns(ptr(in[0]), C.int(wide), ptr(o.data), C.int(wide+narrow), C.int(wide), rows, nt())
		C.nf_columns(ptr(in[1]), C.int(narrow), ptr(o.data[wide:]), C.int(wide+narrow), C.int(narrow), rows, nt())
		return nil
	}
	o.derive = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		da, err := columns("ConcatGradientA", s, 0, wide).apply(grad)
		if err != nil {
			return nil, err
		}
		db, err := columns("ConcatGradientB", s, wide, wide+narrow).apply(grad)
		return G.Nodes{da, db}, err
	}
	return o.apply(a, b)
}
