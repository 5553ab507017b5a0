package eval

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Crops are vectors of crops and where in the frame each was cut.
type Crops struct {
	Dim     int
	Vectors []float32    // (len(At), Dim)
	At      [][2]float64 // centre of the crop, x and y as shares of the frame's width and height
}

// Position is how well the place of a crop is told from its vector by a linear regression: the shortcut of
// every task that asks where a patch comes from. A lens bends colours apart more the further out they are, so
// a patch of anything tells where it was (Doersch et al., 2015, arXiv:1505.05192, section 3.1: root mean
// square error 0.255 on the tenth of the pictures where it works best, against 0.371 of guessing the centre,
// and 0.321 after projecting the aberration out).
type Position struct {
	Task  string
	RMSE  float64 // √ mean (dx² + dy²) on crops the regression was not fitted to
	Guess float64 // the same of always saying the mean place
	Sure  float64 // how many standard errors the squared errors lie below those of the guess
	N     int
}

// Suspicious says whether the place is told, by more than luck (4 standard errors) and a trifle (a tenth).
func (p Position) Suspicious() bool { return p.Sure > 4 && p.RMSE < 0.9*p.Guess }

// String is a line for the user, with what to do where the position is suspicious.
func (p Position) String() string {
	line := fmt.Sprintf("%s: the place of a crop is told to within %.3f, a guess to %.3f, %d crops", p.Task, p.RMSE, p.Guess, p.N)
	if p.Suspicious() {
		return line + ": the task can be solved by the lens; show patches in grey, or shift their channels at random"
	}
	return line
}

// ProbePosition fits the regression on train and asks about test. It is ridge regression of standardised
// vectors, with the penalty ‖W‖²/2n of LinearProbe.
func ProbePosition(task string, train, test Crops) (Position, error) {
	if len(train.At) < 2 || len(test.At) < 2 {
		return Position{}, fmt.Errorf("probing the positions of %s: %d and %d crops; give more pictures", task, len(train.At), len(test.At))
	}
	if train.Dim != test.Dim || len(train.Vectors) != train.Dim*len(train.At) || len(test.Vectors) != test.Dim*len(test.At) {
		panic("eval: crops and their vectors do not match")
	}
	if !finite(train.Vectors) || !finite(test.Vectors) {
		return Position{}, fmt.Errorf("probing the positions of %s: a vector is not finite; the model that made it has diverged", task)
	}
	tr, te := Set{Dim: train.Dim, Vectors: train.Vectors, Labels: make([]int, len(train.At))}, Set{Dim: test.Dim, Vectors: test.Vectors}
	mean, scale := moments(tr)
	x := standardized(tr, mean, scale)
	w := make([]float64, 2*(train.Dim+1))
	err := minimize(w, func(w, grad []float64) float64 { return ridge(x, train.At, train.Dim, w, grad) })
	if err != nil {
		return Position{}, fmt.Errorf("probing the positions of %s: %w", task, err)
	}
	var centre [2]float64
	for _, at := range train.At {
		centre[0] += at[0] / float64(len(train.At))
		centre[1] += at[1] / float64(len(train.At))
	}
	told := logits(standardized(te, mean, scale), w, len(test.At), test.Dim, 2)
	return compared(task, test.At, told, centre), nil
}

// ridge is half the mean squared distance plus ‖W‖²/2n, and its slope. The weights stand as in regression.
func ridge(x []float64, at [][2]float64, dim int, w, grad []float64) float64 {
	n := len(at)
	off := logits(x, w, n, dim, 2)
	loss := 0.0
	copy(grad, w)
	bias := grad[2*dim:]
	clear(bias)
	for i, p := range at {
		for c := range 2 {
			off[2*i+c] -= p[c]
			loss += off[2*i+c] * off[2*i+c]
			bias[c] += off[2*i+c] / float64(n)
		}
	}
	for _, v := range w[:2*dim] {
		loss += v * v
	}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1/float64(n),
		blas64.General{Rows: n, Cols: 2, Stride: 2, Data: off},
		blas64.General{Rows: n, Cols: dim, Stride: dim, Data: x}, 1/float64(n),
		blas64.General{Rows: 2, Cols: dim, Stride: dim, Data: grad[:2*dim]})
	return loss / 2 / float64(n)
}

// compared sets the squared errors of what was told against those of the guess, crop by crop.
func compared(task string, at [][2]float64, told []float64, centre [2]float64) Position {
	n := float64(len(at))
	p := Position{Task: task, N: len(at)}
	better := make([]float64, len(at))
	mean := 0.0
	for i, a := range at {
		squared := math.Pow(told[2*i]-a[0], 2) + math.Pow(told[2*i+1]-a[1], 2)
		guessed := math.Pow(centre[0]-a[0], 2) + math.Pow(centre[1]-a[1], 2)
		p.RMSE += squared / n
		p.Guess += guessed / n
		better[i] = guessed - squared
		mean += better[i] / n
	}
	p.RMSE, p.Guess = math.Sqrt(p.RMSE), math.Sqrt(p.Guess)
	variance := 0.0
	for _, b := range better {
		variance += (b - mean) * (b - mean) / (n - 1)
	}
	if variance > 0 {
		p.Sure = mean / math.Sqrt(variance/n)
	}
	return p
}
