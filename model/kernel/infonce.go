package kernel

// #include "kernel.h"
import "C"

import "sync"

// InfoNCEStats is what one pass of InfoNCE measures.
type InfoNCEStats struct {
	Loss       float32 // mean over queries, nats
	Positive   float32 // mean score q·k of the positives
	Negative   float32 // mean score q·b over all pairs of a query and a negative in use; 0 without any
	Accuracy   float32 // share of queries that score their positive above every negative
	Candidates float32 // mean of ln(1 + negatives in use)
}

// nceWork keeps scratch between calls.
var nceWork = sync.Pool{New: func() any { return new([]float32) }}

// InfoNCE computes, over unit queries q and positives k (n, d) and a bank of negatives (size, d),
//
//	L = −1/n Σ_i ln  exp(q_i·k_i/T) / ( exp(q_i·k_i/T) + Σ_j exp(q_i·b_j/T) )
//
// and its gradient ∂L/∂q into dq (n, d), in one blocked pass over the bank that never holds more than a
// tile of scores. Query i leaves out the slots maskSlot[maskRow[i]:maskRow[i+1]], ascending and without
// repeats; nil maskRow leaves out none. Equal bit for bit for the same thread count.
//
// It panics on slices that do not fit, on a temperature that is not positive, and on a mask that is not
// ascending within the bank.
func InfoNCE(q, k, bank []float32, n, d, size int, temperature float32, maskRow, maskSlot []int32, dq []float32, out *InfoNCEStats) {
	if n < 1 || d < 1 || size < 0 || len(q) < n*d || len(k) < n*d || len(dq) < n*d || len(bank) < size*d {
		panic("kernel: InfoNCE: a slice is shorter than its shape")
	}
	if !(temperature > 0) {
		panic("kernel: InfoNCE: the temperature is not positive")
	}
	checkMask(n, size, maskRow, maskSlot)
	threads := nt()
	work := nceWork.Get().(*[]float32)
	if need := int(C.nf_nce_work(C.int(n), C.int(d), threads)); len(*work) < need {
		*work = make([]float32, need)
	}
	var o [5]C.double
	status := C.nf_nce(ptr(q), ptr(k), ptr(bank), C.int(n), C.int(d), C.long(size), C.float(1/temperature), ptr32(maskRow), ptr32(maskSlot), ptr(dq),
		ptr(*work), &o[0], threads)
	nceWork.Put(work)
	if status != 0 {
		panic("kernel: InfoNCE: oneDNN refused a matrix product")
	}
	*out = InfoNCEStats{float32(o[0]), float32(o[1]), float32(o[2]), float32(o[3]), float32(o[4])}
}

func checkMask(n, size int, row, slot []int32) {
	if row == nil {
		return
	}
	if len(row) != n+1 {
		panic("kernel: InfoNCE: the mask has not one row a query")
	}
	for i := range n {
		if row[i] < 0 || row[i] > row[i+1] || int(row[i+1]) > len(slot) {
			panic("kernel: InfoNCE: the mask's rows are not ascending")
		}
		last := int32(-1)
		for _, s := range slot[row[i]:row[i+1]] {
			if s <= last || int(s) >= size {
				panic("kernel: InfoNCE: the mask's slots are not ascending within the bank")
			}
			last = s
		}
	}
}
