package kernel

// #include "kernel.h"
import "C"

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Linear is y = x·wᵀ + b with ReLU after it where asked: x (N, I), w (O, I) in PyTorch's layout, b (O),
// y (N, O).
func Linear(x, w, b *G.Node, relu bool) (*G.Node, error) {
	if err := shaped("Linear", "x", x, 2); err != nil {
		return nil, err
	}
	if err := shaped("Linear", "w", w, 2); err != nil {
		return nil, err
	}
	n, in, out := x.Shape()[0], x.Shape()[1], w.Shape()[0]
	if w.Shape()[1] != in {
		return nil, fmt.Errorf("Linear: x has rows of %d (shape %v), w takes rows of %d (shape %v)", in, x.Shape(), w.Shape()[1], w.Shape())
	}
	if err := shaped("Linear", "b", b, 1); err != nil {
		return nil, err
	}
	if b.Shape()[0] != out {
		return nil, fmt.Errorf("Linear: w gives rows of %d, b has %d numbers", out, b.Shape()[0])
	}
	o := newOp("Linear", n, out)
	o.toward = []bool{true, true, true}
	o.run = func(v [][]float32) error {
		C.nf_rows_fill(ptr(v[2]), ptr(o.data), C.long(n), C.int(out), nt())
		gemm('N', 'T', n, out, in, v[0], in, v[1], in, 1, o.data, out)
		if relu {
			C.nf_relu(ptr(o.data), ptr(o.data), C.long(len(o.data)), nt())
		}
		return nil
	}
	o.derive = func(nodes G.Nodes, y, grad *G.Node) (G.Nodes, error) { return linearGradients(nodes, y, grad, relu) }
	return o.apply(x, w, b)
}

// linearGradients adds one op for ∂L/∂x, with ∂L/∂w and ∂L/∂b beside it.
func linearGradients(nodes G.Nodes, y, grad *G.Node, relu bool) (G.Nodes, error) {
	n, in, out := nodes[0].Shape()[0], nodes[0].Shape()[1], nodes[1].Shape()[0]
	passed := make([]float32, n*out) // what the ReLU lets through of grad
	var dw, db []float32
	dx := newOp("LinearGradient", n, in)
	dx.run = func(v [][]float32) error { // dy, x, w, y
		dy := v[0]
		if relu {
			C.nf_relu_back(ptr(v[3]), ptr(dy), ptr(passed), C.long(len(passed)), nt())
			dy = passed
		}
		gemm('N', 'N', n, in, out, dy, out, v[2], in, 0, dx.data, in)
		gemm('T', 'N', out, in, n, dy, out, v[1], in, 0, dw, in)
		C.nf_column_sum(ptr(dy), ptr(db), C.long(n), C.int(out))
		return nil
	}
	dxNode, err := dx.apply(grad, nodes[0], nodes[1], y)
	if err != nil {
		return nil, err
	}
	wNode, err := beside("LinearWeightGradient", dxNode, &dw, out, in)
	if err != nil {
		return nil, err
	}
	bNode, err := beside("LinearBiasGradient", dxNode, &db, out)
	return G.Nodes{dxNode, wNode, bNode}, err
}

// gemm is C = op(A)·op(B) + beta·C in row-major order.
func gemm(ta, tb byte, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	s := C.nf_gemm(C.char(ta), C.char(tb), C.long(m), C.long(n), C.long(k), ptr(a), C.long(lda), ptr(b), C.long(ldb), C.float(beta), ptr(c), C.long(ldc), nt())
	if s != 0 {
		panic("kernel: oneDNN refused a matrix product")
	}
}

// Gemm is c = a·bᵀ: a (m, k), b (n, k), c (m, n), all row by row. It panics where a slice is too short.
func Gemm(c, a, b []float32, m, n, k int) {
	if m < 0 || n < 0 || k < 0 || len(a) < m*k || len(b) < n*k || len(c) < m*n {
		panic("kernel: Gemm: a slice is shorter than its shape")
	}
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		clear(c[:m*n])
		return
	}
	gemm('N', 'T', m, n, k, a, k, b, k, 0, c, n)
}
