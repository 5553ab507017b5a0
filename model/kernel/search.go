package kernel

// #include "kernel.h"
import "C"

import (
	"cmp"
	"math"
	"slices"
	"unsafe"
)

// Hit is a row that a search found.
type Hit struct {
	Row   int
	Score float32 // cosine, 1 at best
}

// searchQueries is how many queries are compared with a tile of rows at a time.
const searchQueries = 64

// Search finds, for each row of queries (m, dim), the k rows of rows (n, dim) most alike to it by cosine: best
// first, equal scores by row. It is exact: scores are those of brute force in double precision, rounded, and
// the same bit for bit on every machine and for any number of threads. A row of zeros is alike to nothing
// (score 0); one with a number that is not finite is never found. There are fewer than k hits where there are
// fewer rows.
//
// It panics on slices that are no whole rows.
func Search(rows, queries []float32, dim, k int) [][]Hit {
	if dim < 1 || len(rows)%dim != 0 || len(queries)%dim != 0 {
		panic("kernel: Search: a slice is no whole number of rows")
	}
	n, m := len(rows)/dim, len(queries)/dim
	out := make([][]Hit, m)
	if k = min(k, n); k < 1 {
		return out
	}
	unit := make([]float32, min(m, searchQueries)*dim)
	for from := 0; from < m; from += searchQueries {
		to := min(m, from+searchQueries)
		part := queries[from*dim : to*dim]
		unitRowsInto(unit[:len(part)], part, dim)
		searchPart(out[from:to], rows, part, unit, dim, k)
	}
	return out
}

// searchPart searches for a few queries at once.
func searchPart(out [][]Hit, rows, queries, unit []float32, dim, k int) {
	var status C.int
	s := C.nf_search_new(ptr(queries), ptr(unit), C.int(len(out)), ptr(rows), C.long(len(rows)/dim), C.int(dim), C.int(k), nt(), &status)
	if s == nil {
		panic("kernel: Search: out of memory, or oneDNN refused a matrix product")
	}
	defer C.nf_search_free(s)
	var all []Hit
	for i := range out {
		var row *C.long
		var score *C.float
		found := int(C.nf_search_found(s, C.int(i), &row, &score))
		all = all[:0]
		for j, r := range unsafe.Slice(row, found) {
			all = append(all, Hit{int(r), float32(unsafe.Slice(score, found)[j])})
		}
		slices.SortFunc(all, func(a, b Hit) int {
			if c := cmp.Compare(b.Score, a.Score); c != 0 {
				return c
			}
			return cmp.Compare(a.Row, b.Row)
		})
		out[i] = slices.Clone(all[:min(k, len(all))])
	}
}

// unitRowsInto is x (n, dim) with rows of length one; rows of zeros stay.
func unitRowsInto(dst, x []float32, dim int) {
	for at := 0; at < len(x); at += dim {
		sum := 0.0
		for _, v := range x[at : at+dim] {
			sum += float64(v) * float64(v)
		}
		by := 1.0
		if sum > 0 {
			by = 1 / math.Sqrt(sum)
		}
		for i, v := range x[at : at+dim] {
			dst[at+i] = float32(float64(v) * by)
		}
	}
}
