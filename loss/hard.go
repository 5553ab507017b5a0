package loss

import (
	"slices"

	"github.com/nearfar/nearfar/model/kernel"
)

// HardNegatives masks all but the hardest negatives of each query, those that score highest (MoCHi chooses its
// negatives so: Kalantidis et al. 2020, arXiv:2010.01028, §3). q are unit queries (n, d); keys that negatives mask
// already stay masked and are not among the keep, and of equal keys the earlier one is harder. The mask is
// appended to row[:0] and slot[:0] in the form of Negatives.Row and Slot, and must not share memory with them.
//
// It panics where a slice is too short.
func HardNegatives(row, slot []int32, q []float32, negatives *Negatives, keep, n, d int) (newRow, newSlot []int32) {
	if keep < 0 || n < 0 || d < 1 || len(q) < n*d || negatives.Row != nil && len(negatives.Row) != n+1 {
		panic("loss: HardNegatives: a slice is shorter than its shape")
	}
	bank, err := negatives.keys(d)
	if err != nil {
		panic("loss: HardNegatives: the scales are not one a key")
	}
	k := len(bank) / d
	scores := make([]float32, n*k)
	kernel.Gemm(scores, q, bank, n, k, d)
	masks := make([][]int32, n)
	inBlocks(n, func(from, to int) (none struct{}) {
		for i := from; i < to; i++ {
			var masked []int32
			if negatives.Row != nil {
				masked = negatives.Slot[negatives.Row[i]:negatives.Row[i+1]]
			}
			masks[i] = others(hardest(scores[i*k:(i+1)*k], masked, keep), k)
		}
		return none
	})
	row, slot = append(row[:0], 0), slot[:0]
	for _, m := range masks {
		slot = append(slot, m...)
		row = append(row, int32(len(slot)))
	}
	return row, slot
}

// hardest are the slots of the keep highest scores, ascending, without those that are masked.
func hardest(scores []float32, masked []int32, keep int) []int32 {
	easier := func(a, b int32) bool { return scores[a] < scores[b] || scores[a] == scores[b] && a > b }
	heap := make([]int32, 0, min(keep, len(scores))) // of the hardest so far, the easiest on top
	down := func(i int) {
		for {
			c := 2*i + 1
			if c >= len(heap) {
				return
			}
			if c+1 < len(heap) && easier(heap[c+1], heap[c]) {
				c++
			}
			if !easier(heap[c], heap[i]) {
				return
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	for j := range int32(len(scores)) {
		if len(masked) > 0 && masked[0] == j {
			masked = masked[1:]
			continue
		}
		switch {
		case len(heap) < cap(heap):
			if heap = append(heap, j); len(heap) == cap(heap) {
				for i := len(heap)/2 - 1; i >= 0; i-- {
					down(i)
				}
			}
		case len(heap) > 0 && easier(heap[0], j):
			heap[0] = j
			down(0)
		}
	}
	slices.Sort(heap)
	return heap
}

// others are the slots below k that are not among some, ascending.
func others(some []int32, k int) []int32 {
	out := make([]int32, 0, k-len(some))
	for j := range int32(k) {
		if len(some) > 0 && some[0] == j {
			some = some[1:]
		} else {
			out = append(out, j)
		}
	}
	return out
}
