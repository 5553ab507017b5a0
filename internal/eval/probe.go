package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// LinearProbe is the accuracy, in [0, 1], on test of a linear classifier of frozen features fitted on train:
// softmax regression on features standardised by train's mean and deviation, with the objective
//
//	mean cross-entropy + ‖W‖² / 2n      (the bias is free)
//
// which is scikit-learn's LogisticRegression(C=1) divided by n = train.Len(). It is strictly convex in W, so
// there is one answer and nothing to tune; L-BFGS finds it from zero. NaN where test is empty.
func LinearProbe(train, test Set) (float64, error) {
	if train.Dim != test.Dim || !slices.Equal(train.Names, test.Names) {
		return 0, fmt.Errorf("linear probe: train and test differ in dimension (%d, %d) or classes", train.Dim, test.Dim)
	}
	if train.Len() == 0 {
		return 0, errors.New("linear probe: nothing to train on")
	}
	mean, scale := moments(train)
	r := &regression{
		n: train.Len(), dim: train.Dim, classes: len(train.Names), labels: train.Labels,
		x: standardized(train, mean, scale),
	}
	weights, _, err := r.fit()
	if err != nil {
		return 0, fmt.Errorf("linear probe of %d×%d features: %w", r.n, r.dim, err)
	}
	p := logits(standardized(test, mean, scale), weights, test.Len(), r.dim, r.classes)
	predicted := make([]int, test.Len())
	for i := range predicted {
		row := p[i*r.classes : (i+1)*r.classes]
		for c, v := range row {
			if v > row[predicted[i]] {
				predicted[i] = c
			}
		}
	}
	return Accuracy(predicted, test.Labels), nil
}

// regression is the objective on standardised features x (n×dim). A point is W (classes×dim, row by row:
// the products then run along features, the long side) followed by the bias (classes).
type regression struct {
	n, dim, classes int
	x               []float64
	labels          []int
}

// fit returns the minimum and the objective there.
func (r *regression) fit() (weights []float64, loss float64, err error) {
	weights = make([]float64, (r.dim+1)*r.classes)
	if err := minimize(weights, r.evaluate); err != nil {
		return nil, 0, err
	}
	return weights, r.evaluate(weights, make([]float64, len(weights))), nil
}

// evaluate is the objective at w; it fills grad.
func (r *regression) evaluate(w, grad []float64) float64 {
	p := logits(r.x, w, r.n, r.dim, r.classes)
	loss := 0.0
	for i, label := range r.labels {
		row := p[i*r.classes : (i+1)*r.classes]
		target := row[label]
		logsum := softmax(row)
		loss += logsum - target
		row[label]--
	}
	n := float64(r.n)
	weights := w[:r.dim*r.classes]
	decay := 0.0
	for _, v := range weights {
		decay += v * v
	}
	copy(grad, w) // the slope of the decay is W itself, and nothing for the bias
	bias := grad[len(weights):]
	clear(bias)
	blas64.Gemm(blas.Trans, blas.NoTrans, 1/n, // (P − Y)ᵀX / n + W / n
		blas64.General{Rows: r.n, Cols: r.classes, Stride: r.classes, Data: p},
		blas64.General{Rows: r.n, Cols: r.dim, Stride: r.dim, Data: r.x}, 1/n,
		blas64.General{Rows: r.classes, Cols: r.dim, Stride: r.dim, Data: grad[:len(weights)]})
	for i, v := range p {
		bias[i%r.classes] += v / n
	}
	return (loss + decay/2) / n
}

// softmax turns logits into probabilities in place and returns log Σ exp.
func softmax(row []float64) float64 {
	top := slices.Max(row)
	sum := 0.0
	for i, v := range row {
		row[i] = math.Exp(v - top)
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
	return top + math.Log(sum)
}

// logits is x·Wᵀ + bias, n×classes.
func logits(x, w []float64, n, dim, classes int) []float64 {
	out := make([]float64, 0, n*classes)
	for range n {
		out = append(out, w[dim*classes:]...)
	}
	if n > 0 {
		blas64.Gemm(blas.NoTrans, blas.Trans, 1,
			blas64.General{Rows: n, Cols: dim, Stride: dim, Data: x},
			blas64.General{Rows: classes, Cols: dim, Stride: dim, Data: w[:dim*classes]}, 1,
			blas64.General{Rows: n, Cols: classes, Stride: classes, Data: out})
	}
	return out
}

// moments are each feature's mean and the factor that brings its deviation to 1; a constant feature is
// centred and left unscaled.
func moments(s Set) (mean, scale []float64) {
	mean, scale = make([]float64, s.Dim), make([]float64, s.Dim)
	n := float64(s.Len())
	for i, v := range s.Vectors {
		mean[i%s.Dim] += float64(v) / n
	}
	for i, v := range s.Vectors {
		d := float64(v) - mean[i%s.Dim]
		scale[i%s.Dim] += d * d / n
	}
	for j, variance := range scale {
		scale[j] = 1
		if variance > 1e-24*(1+mean[j]*mean[j]) { // below it lies float64's rounding
			scale[j] = 1 / math.Sqrt(variance)
		}
	}
	return mean, scale
}

// standardized is (v − mean)·scale of every row.
func standardized(s Set, mean, scale []float64) []float64 {
	out := make([]float64, len(s.Vectors))
	for i, v := range s.Vectors {
		out[i] = (float64(v) - mean[i%s.Dim]) * scale[i%s.Dim]
	}
	return out
}
