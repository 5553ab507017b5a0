package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// GRU runs a gated recurrent unit (Cho et al. 2014, arXiv:1406.1078) over whole sequences, from a state of
// zeros:
//
//	r = σ(W_ir x + b_ir + W_hr h + b_hr)
//	z = σ(W_iz x + b_iz + W_hz h + b_hz)
//	n = tanh(W_in x + b_in + r·(W_hn h + b_hn))
//	h ← (1 − z)·n + z·h
//
// x is (N·steps, D), the steps of a sequence in a row: step t of sequence i is row i·steps + t. The weights
// have PyTorch's layout, the gates r, z, n in turn: wih (3H, D), whh (3H, H), bih and bhh (3H). The result
// is every state, (N·steps, H), in the rows of x. Gradients go back through all steps.
func GRU(x, wih, whh, bih, bhh *G.Node, steps int) (*G.Node, error) {
	if err := gruShapes(x, wih, whh, bih, bhh, steps); err != nil {
		return nil, err
	}
	rows, d, h := x.Shape()[0], x.Shape()[1], whh.Shape()[1]
	n := rows / steps
	gx, gh, gates := make([]float32, rows*3*h), make([]float32, n*3*h), make([]float32, rows*4*h)
	o := newOp("GRU", rows, h)
	o.toward = []bool{true, true, true, true, true}
	o.run = func(v [][]float32) error { // x, wih, whh, bih, bhh
		C.nf_rows_fill(ptr(v[3]), ptr(gx), C.long(rows), C.int(3*h), nt())
		gemm('N', 'T', rows, 3*h, d, v[0], d, v[1], d, 1, gx, 3*h)
		for t := range steps {
			C.nf_rows_fill(ptr(v[4]), ptr(gh), C.long(n), C.int(3*h), nt())
			if t > 0 {
				gemm('N', 'T', n, 3*h, h, o.data[(t-1)*h:], steps*h, v[2], h, 1, gh, 3*h)
			}
			C.nf_gru(ptr(gx), ptr(gh), ptr(gates), ptr(o.data), C.int(n), C.int(steps), C.int(t), C.int(h), nt())
		}
		return nil
	}
	o.derive = func(in G.Nodes, y, grad *G.Node) (G.Nodes, error) { return gruGradients(in, y, grad, gates, steps) }
	return o.apply(x, wih, whh, bih, bhh)
}

func gruShapes(x, wih, whh, bih, bhh *G.Node, steps int) error {
	if err := shaped("GRU", "x", x, 2); err != nil {
		return err
	}
	if err := shaped("GRU", "wih", wih, 2); err != nil {
		return err
	}
	if err := shaped("GRU", "whh", whh, 2); err != nil {
		return err
	}
	d, h := x.Shape()[1], whh.Shape()[1]
	if steps < 1 || x.Shape()[0]%steps != 0 {
		return fmt.Errorf("GRU: x has %d rows, which %d steps do not divide; it must have one row a step of each sequence", x.Shape()[0], steps)
	}
	if whh.Shape()[0] != 3*h || wih.Shape()[0] != 3*h || wih.Shape()[1] != d {
		return fmt.Errorf("GRU: wih %v and whh %v; for rows of %d and a state of %d they must be (%d, %d) and (%d, %d)", wih.Shape(), whh.Shape(), d, h, 3*h, d, 3*h, h)
	}
	for _, b := range []struct {
		name string
		node *G.Node
	}{{"bih", bih}, {"bhh", bhh}} {
		if err := shaped("GRU", b.name, b.node, 1); err != nil {
			return err
		}
		if have := b.node.Shape()[0]; have != 3*h {
			return fmt.Errorf("GRU: %s must have %d numbers, three times the state, not %d", b.name, 3*h, have)
		}
	}
	return nil
}

// gruGradients adds one op for ∂L/∂x, with those of the four parameters beside it.
func gruGradients(in G.Nodes, y, grad *G.Node, gates []float32, steps int) (G.Nodes, error) {
	rows, d, h := in[0].Shape()[0], in[0].Shape()[1], y.Shape()[1]
	n := rows / steps
	dgx, dgh, carry := make([]float32, rows*3*h), make([]float32, rows*3*h), make([]float32, n*h)
	var dwih, dwhh, dbih, dbhh []float32
	dx := newOp("GRUGradient", rows, d)
	dx.run = func(v [][]float32) error { // dy, x, wih, whh, y
		clear(carry)
		clear(dwhh)
		for t := steps - 1; t >= 0; t-- {
			C.nf_gru_back(ptr(v[0]), ptr(gates), ptr(v[4]), ptr(carry), ptr(dgx), ptr(dgh), C.int(n), C.int(steps), C.int(t), C.int(h), nt())
			if t > 0 {
				step := dgh[t*3*h:]
				gemm('N', 'N', n, h, 3*h, step, steps*3*h, v[3], h, 1, carry, h)
				gemm('T', 'N', 3*h, h, n, step, steps*3*h, v[4][(t-1)*h:], steps*h, 1, dwhh, h)
			}
		}
		gemm('N', 'N', rows, d, 3*h, dgx, 3*h, v[2], d, 0, dx.data, d)
		gemm('T', 'N', 3*h, d, rows, dgx, 3*h, v[1], d, 0, dwih, d)
		C.nf_column_sum(ptr(dgx), ptr(dbih), C.long(rows), C.int(3*h))
		C.nf_column_sum(ptr(dgh), ptr(dbhh), C.long(rows), C.int(3*h))
		return nil
	}
	node, err := dx.apply(grad, in[0], in[1], in[2], y)
	if err != nil {
		return nil, err
	}
	nodes := G.Nodes{node}
	for i, p := range []struct {
		name string
		into *[]float32
	}{{"GRUInputWeightGradient", &dwih}, {"GRUStateWeightGradient", &dwhh}, {"GRUInputBiasGradient", &dbih}, {"GRUStateBiasGradient", &dbhh}} {
		b, err := beside(p.name, node, p.into, in[i+1].Shape()...)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, b)
	}
	return nodes, nil
}
