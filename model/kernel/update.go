package kernel

// #include "kernel.h"
import "C"

import "math"

// SGDMomentum moves params against grads as PyTorch does: v ← momentum·v + (g + weightDecay·w), w ← w − lr·v. It
// reports whether all params are finite now, as the other optimisers do: a gradient that is not makes one that is not.
func SGDMomentum(params, grads, velocity []float32, lr, momentum, weightDecay float32) (finite bool) {
	same("SGDMomentum", len(params), len(grads), len(velocity))
	return C.nf_sgd(ptr(params), ptr(grads), ptr(velocity), C.float(lr), C.float(momentum), C.float(weightDecay), C.long(len(params)), nt()) != 0
}

// Adam is step number step (from 1) of Kingma & Ba 2014 (arXiv:1412.6980), with m and v the moments and
// weightDecay·w added to the gradient, as in PyTorch's Adam.
func Adam(params, grads, m, v []float32, lr, b1, b2, eps, weightDecay float32, step int) (finite bool) {
	return adam(params, grads, m, v, lr, b1, b2, eps, weightDecay, 0, step)
}

// AdamW is Adam with weights shrunk by lr·weightDecay apart from the gradient (Loshchilov & Hutter 2017,
// arXiv:1711.05101).
func AdamW(params, grads, m, v []float32, lr, b1, b2, eps, weightDecay float32, step int) (finite bool) {
	return adam(params, grads, m, v, lr, b1, b2, eps, 0, weightDecay, step)
}

func adam(params, grads, m, v []float32, lr, b1, b2, eps, decay, decoupled float32, step int) (finite bool) {
	same("Adam", len(params), len(grads), len(m), len(v))
	if step < 1 {
		panic("kernel: Adam: steps count from 1")
	}
	correct := func(b float32) C.double { return C.double(1 - math.Pow(float64(b), float64(step))) }
	return C.nf_adam(ptr(params), ptr(grads), ptr(m), ptr(v), C.float(lr), C.float(b1), C.float(b2), C.float(eps), C.float(decay), C.float(decoupled),
		correct(b1), correct(b2), C.long(len(params)), nt()) != 0
}

// EMA moves key toward query: key ← momentum·key + (1 − momentum)·query (He et al. 2020, arXiv:1911.05722, eq. 2).
func EMA(key, query []float32, momentum float32) {
	same("EMA", len(key), len(query))
	C.nf_ema(ptr(key), ptr(query), C.float(momentum), C.long(len(key)), nt())
}

// Axpy adds a·x to dst: the gradients of several objectives into one.
func Axpy(dst, x []float32, a float32) {
	same("Axpy", len(dst), len(x))
	C.nf_axpy(ptr(dst), ptr(x), C.float(a), C.long(len(dst)), nt())
}

// ScaleRows makes row i of dst, d numbers, factor[i] times row i of x. dst may be x.
func ScaleRows(dst, x []float32, d int, factor []float32) {
	same("ScaleRows", len(dst), len(x), len(factor)*d)
	if len(dst) > 0 {
		C.nf_scale_rows(ptr(dst), ptr(x), ptr(factor), C.long(len(factor)), C.int(d), nt())
	}
}

// SumSquares is Σ x², summed in float64.
func SumSquares(x []float32) float64 { return float64(C.nf_sum_squares(ptr(x), C.long(len(x)), nt())) }

func same(name string, n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic("kernel: " + name + ": slices of different lengths")
		}
	}
}
