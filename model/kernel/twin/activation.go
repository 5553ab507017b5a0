package twin

import "math"

// Bias is x + b over rows of len(b) numbers.
func Bias(x, b []float32, relu bool) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v + b[i%len(b)]
		if relu {
			y[i] = max(y[i], 0)
		}
	}
	return y
}

// BiasGradients are ∂L/∂x and ∂L/∂b, of c numbers.
func BiasGradients(dy, y []float32, c int, relu bool) (dx, db []float32) {
	dx, sum := make([]float32, len(dy)), make([]float64, c)
	for i, g := range dy {
		if relu && y[i] <= 0 {
			continue
		}
		dx[i] = g
		sum[i%c] += float64(g)
	}
	return dx, narrow(sum)
}

// LeakyReLU is x, or slope·x where x is negative, and its derivative.
func LeakyReLU(x []float32, slope float64) (y, slopes []float32) {
	return activation(x, func(v float64) (float64, float64) {
		if v <= 0 {
			return slope * v, slope
		}
		return v, 1
	})
}

// Sigmoid is 1/(1 + e^−x), and its derivative.
func Sigmoid(x []float32) (y, slopes []float32) {
	return activation(x, func(v float64) (float64, float64) { return sigmoid(v), sigmoid(v) * (1 - sigmoid(v)) })
}

// Tanh is the hyperbolic tangent, and its derivative.
func Tanh(x []float32) (y, slopes []float32) {
	return activation(x, func(v float64) (float64, float64) { return math.Tanh(v), 1 - math.Tanh(v)*math.Tanh(v) })
}

func activation(x []float32, f func(v float64) (y, slope float64)) (y, slopes []float32) {
	y, slopes = make([]float32, len(x)), make([]float32, len(x))
	for i, v := range x {
		a, b := f(float64(v))
		y[i], slopes[i] = float32(a), float32(b)
	}
	return y, slopes
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
