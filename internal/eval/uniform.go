package eval

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Alignment is the mean squared distance E‖x−y‖² between L2-normalised rows of positives x and y (n×dim
// each; Wang & Isola, 2020, arXiv:2005.10242): 0 for positives that meet, 2 for strangers. NaN without rows.
func Alignment(x, y []float32, dim int) float64 {
	checkRows(x, dim)
	if len(x) != len(y) {
		panic("eval: positives differ in number")
	}
	a, b := normalized(x, dim), normalized(y, dim)
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum / float64(len(x)/dim)
}

// Uniformity is log E exp(−2‖x−y‖²) over all pairs of different L2-normalised rows of vectors (n×dim; Wang &
// Isola, 2020): 0 where all embeddings are one, about −4 + 8/dim (−3.938 at 128) where they fill the sphere.
// It takes n² products: hand it a sample of a large set. NaN below two rows.
func Uniformity(vectors []float32, dim int) float64 {
	checkRows(vectors, dim)
	n := len(vectors) / dim
	v := normalized(vectors, dim)
	square := make([]float64, n) // 1, or 0 for a row of zeros
	for i, x := range v {
		square[i/dim] += float64(x) * float64(x)
	}
	sims := make([]float32, min(block, n)*n)
	sum := 0.0
	for first := 0; first < n; first += block {
		rows := min(block, n-first)
		similarities(sims[:rows*n], v[first*dim:(first+rows)*dim], v, dim)
		for i := range rows {
			a := first + i
			for b := a + 1; b < n; b++ {
				sum += math.Exp(-2 * (square[a] + square[b] - 2*float64(sims[i*n+b])))
			}
		}
	}
	return math.Log(sum / (float64(n) * float64(n-1) / 2))
}

// block is how many rows are compared at a time; it bounds memory to block×n numbers.
const block = 256

// similarities fills dst (q×g) with the inner products of rows of query (q×dim) and gallery (g×dim).
func similarities(dst, query, gallery []float32, dim int) {
	q, g := len(query)/dim, len(gallery)/dim
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: q, Cols: dim, Stride: dim, Data: query},
		blas32.General{Rows: g, Cols: dim, Stride: dim, Data: gallery}, 0,
		blas32.General{Rows: q, Cols: g, Stride: g, Data: dst})
}

// Sample is at most n rows of vectors, evenly spread over them: for measures whose cost grows with the square
// of the rows. Fewer rows are handed back as they are.
func Sample(vectors []float32, dim, n int) []float32 {
	checkRows(vectors, dim)
	rows := len(vectors) / dim
	if rows <= n {
		return vectors
	}
	out := make([]float32, 0, n*dim)
	for i := range n {
		row := i * rows / n
		out = append(out, vectors[row*dim:(row+1)*dim]...)
	}
	return out
}
