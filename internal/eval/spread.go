package eval

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Spread tells whether embeddings (n×dim) have collapsed.
//
// std is the standard deviation over rows of the L2-normalised embeddings, averaged over dimensions (as
// lightly's debug.std_of_l2_normalized, divisor n−1): healthy embeddings have about 1/√dim, 0 is collapse.
//
// rankme is the effective rank of Garrido et al. (2022, arXiv:2210.02885): exp of the entropy of
// p = σ/‖σ‖₁ + 1e-7 over the singular values σ of the embeddings as given. It lies between 1 (one direction)
// and min(n, dim).
//
// Embeddings that are not finite give NaN for both; no embeddings, or nothing but zeros, give 0.
func Spread(vectors []float32, dim int) (std, rankme float64) {
	checkRows(vectors, dim)
	if !finite(vectors) {
		return math.NaN(), math.NaN()
	}
	return deviation(vectors, dim), effectiveRank(vectors, dim)
}

func deviation(vectors []float32, dim int) float64 {
	n := len(vectors) / dim
	if n < 2 {
		return 0
	}
	v := normalized(vectors, dim)
	mean, square := make([]float64, dim), make([]float64, dim)
	for i, x := range v {
		mean[i%dim] += float64(x) / float64(n)
	}
	for i, x := range v {
		d := float64(x) - mean[i%dim]
		square[i%dim] += d * d
	}
	std := 0.0
	for _, s := range square {
		std += math.Sqrt(s/float64(n-1)) / float64(dim)
	}
	return std
}

// effectiveRank takes singular values as square roots of the eigenvalues of the smaller Gram matrix, in
// float64: what that loses lies below 1e-8 of the largest, under RankMe's own 1e-7.
func effectiveRank(vectors []float32, dim int) float64 {
	n := len(vectors) / dim
	if n == 0 {
		return 0
	}
	data := make([]float64, len(vectors))
	largest := 0.0
	for i, x := range vectors {
		data[i] = float64(x)
		largest = max(largest, math.Abs(data[i]))
	}
	if largest == 0 {
		return 0
	}
	for i := range data {
		data[i] /= largest // RankMe does not see scale; squares must not overflow
	}
	x := mat.NewDense(n, dim, data)
	gram := mat.NewSymDense(min(n, dim), nil)
	if n < dim {
		gram.SymOuterK(1, x)
	} else {
		gram.SymOuterK(1, x.T())
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, false) {
		return math.NaN()
	}
	sigma := eigen.Values(nil)
	sum := 0.0
	for i, v := range sigma {
		sigma[i] = math.Sqrt(max(v, 0))
		sum += sigma[i]
	}
	entropy := 0.0
	for _, s := range sigma {
		p := s/sum + 1e-7
		entropy -= p * math.Log(p)
	}
	return math.Exp(entropy)
}
