package kernel

// #include "kernel.h"
import "C"

// SoftmaxStats is what one pass of SoftmaxCE measures.
type SoftmaxStats struct {
	Loss     float32 // mean over rows that count, nats
	Accuracy float32 // share of these rows whose largest logit is that of the target with the largest weight
	Rows     int     // that count
}

// SoftmaxCE computes, over n rows of c logits z, the cross-entropy against sparse targets
//
//	L = 1/rows Σ_i rowWeight_i · −Σ_j weight_ij ln softmax(z_i)[index_ij]
//
// and its gradient ∂L/∂z into grad (n, c). Row i has the k classes index[i·k:(i+1)·k] with weights, as a rule
// of sum 1, in the same places of weight; nil weight is k = 1 and a hard label. A row whose first index is −1 is
// ignored: its gradient is 0, and rows counts only the others. nil rowWeight weighs all rows 1. Where no
// row counts, loss and gradient are 0. Equal bit for bit, whatever the thread count.
//
// It panics on slices that do not fit, and on an index that is no class.
func SoftmaxCE(logits []float32, n, c int, index []int32, weight []float32, k int, rowWeight []float32, grad []float32, out *SoftmaxStats) {
	if n < 0 || c < 1 || k < 1 || len(logits) < n*c || len(grad) < n*c || len(index) < n*k || weight != nil && len(weight) < n*k || rowWeight != nil && len(rowWeight) < n {
		panic("kernel: SoftmaxCE: a slice is shorter than its shape")
	}
	if weight == nil && k != 1 {
		panic("kernel: SoftmaxCE: several targets a row without weights")
	}
	rows := int(C.nf_ce_rows(ptr32(index), C.long(n), C.int(c), C.int(k)))
	if rows < 0 {
		panic("kernel: SoftmaxCE: an index is no class")
	}
	*out = SoftmaxStats{Rows: rows}
	if rows == 0 {
		clear(grad[:n*c])
		return
	}
	var o [2]C.double
	C.nf_ce(ptr(logits), C.long(n), C.int(c), ptr32(index), ptr(weight), C.int(k), ptr(rowWeight), ptr(grad), C.long(rows), &o[0], nt())
	out.Loss, out.Accuracy = float32(o[0]), float32(o[1])
}
