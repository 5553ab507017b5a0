package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// VICRegWeights weigh the three terms of VICReg.
type VICRegWeights struct {
	Invariance float32 // λ, of the paper: 25
	Variance   float32 // μ, 25
	Covariance float32 // ν, 1
}

// vicregEpsilon keeps the root of a variance of 0 differentiable.
const vicregEpsilon = 1e-4

// VICReg is variance-invariance-covariance regularisation (Bardes et al. 2022, arXiv:2105.04906) of embeddings z
// (2N, d) of any scale, two views x_i and y_i of each picture in the rows i and i+N:
//
//	L = λ·mean (x − y)²  +  μ/2·[ V(x) + V(y) ]  +  ν·[ C(x) + C(y) ]
//	V = mean over columns of [1 − √(var + 10⁻⁴)]₊     C = Σ_{j≠k} cov_jk² / d
//
// with variances and covariances over the batch, divided by N−1. Scales are those of the reference code (a mean over
// rows and columns in the first term, half of the sum of both views in the second), which λ = μ = 25, ν = 1
// belong to; the paper's equations leave both divisors out. A collapsed batch is at μ·0.99. Nothing is
// contrasted: the scores in out are cosines, so that its gap can be compared with other objectives'.
//
// Errors: shapes that do not fit, fewer than two pictures, negative weights.
func VICReg(z *G.Node, weights VICRegWeights, out *Contrast) (*G.Node, error) {
	n, d, err := views("VICReg", "embeddings", z)
	if err != nil {
		return nil, err
	}
	if n < 2 {
		return nil, fmt.Errorf("VICReg takes variances over a batch and cannot over %d picture", n)
	}
	for i, w := range []float32{weights.Invariance, weights.Variance, weights.Covariance} {
		if err := notNegative("VICReg", [...]string{"weight of invariance", "weight of variance", "weight of covariance"}[i], w); err != nil {
			return nil, err
		}
	}
	v := &vicreg{n: n, d: d, w: weights, centred: make([]float32, n*d), columns: make([]float32, n*d), covariance: make([]float32, d*d), pull: make([]float32, n*d)}
	return costOf("VICReg", []*G.Node{z}, nil, func(xs, gradients [][]float32) (float32, error) {
		x, g := xs[0], gradients[0]
		value := v.invariance(x, g)
		value += v.regularise(x[:n*d], g[:n*d])
		value += v.regularise(x[n*d:], g[n*d:])
		*out = viewScores(x[:n*d], x[n*d:], n, d, 0, value)
		return float32(value), nil
	})
}

type vicreg struct {
	n, d       int
	w          VICRegWeights
	centred    []float32 // (N, d) a view without its mean
	columns    []float32 // (d, N) the same by columns
	covariance []float32 // (d, d), without its diagonal
	pull       []float32 // (N, d)
}

// invariance returns the first term and writes its gradient.
func (v *vicreg) invariance(x, g []float32) float64 {
	half := v.n * v.d
	scale := float64(v.w.Invariance) / float64(half)
	sum := 0.0
	for i := range half {
		diff := float64(x[i]) - float64(x[half+i])
		sum += diff * diff
		g[i] = float32(2 * scale * diff)
		g[half+i] = -g[i]
	}
	return scale * sum
}

// regularise returns one view's part of the other terms and adds its gradient.
func (v *vicreg) regularise(x, g []float32) float64 {
	n, d := v.n, v.d
	transpose(v.columns, x, n, d)
	value := 0.0
	push := make([]float32, d) // ∂/∂(x − mean) is push·(x − mean)
	for c := range d {
		column := v.columns[c*n : (c+1)*n]
		mean, squares := 0.0, 0.0
		for _, s := range column {
			mean += float64(s)
		}
		mean /= float64(n)
		for i, s := range column {
			column[i] = float32(float64(s) - mean)
			squares += float64(column[i]) * float64(column[i])
		}
		if deviation := math.Sqrt(squares/float64(n-1) + vicregEpsilon); deviation < 1 {
			value += float64(v.w.Variance) / 2 / float64(d) * (1 - deviation)
			push[c] = float32(-float64(v.w.Variance) / 2 / float64(d) / float64(n-1) / deviation)
		}
	}
	kernel.Gemm(v.covariance, v.columns, v.columns, d, d, n)
	squares := 0.0
	for j := range d {
		v.covariance[j*d+j] = 0
		for k := range d {
			v.covariance[j*d+k] /= float32(n - 1)
			squares += float64(v.covariance[j*d+k]) * float64(v.covariance[j*d+k])
		}
	}
	value += float64(v.w.Covariance) / float64(d) * squares
	transpose(v.centred, v.columns, d, n)
	kernel.Gemm(v.pull, v.centred, v.covariance, n, d, d) // the covariance is symmetric
	by := 4 * v.w.Covariance / float32(d) / float32(n-1)
	for i, s := range v.centred {
		g[i] += by*v.pull[i] + push[i%d]*s
	}
	return value
}
