package eval

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// Limits of minimize, on objectives that are means over rows.
const (
	flat       = 1e-6 // largest slope at a minimum
	nearlyFlat = 1e-4 // largest slope accepted where rounding lets no step go lower
	memory     = 10   // pairs of steps and slope changes remembered
	maxSteps   = 1000
)

// minimize finds the minimum of a smooth convex function from x, which it changes, by L-BFGS with
// backtracking (Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 3.1). evaluate returns the value
// at x and writes the slope into grad.
func minimize(x []float64, evaluate func(x, grad []float64) float64) error {
	n := len(x)
	grad, next, nextGrad, direction := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	var past []correction
	value := evaluate(x, grad)
	for range maxSteps {
		if floats.Norm(grad, math.Inf(1)) < flat {
			return nil
		}
		descend(direction, grad, past)
		slope := floats.Dot(direction, grad)
		step, lower := 1.0, false
		if len(past) == 0 {
			step = 1 / floats.Norm(grad, 2)
		}
		nextValue := value
		for ; step > 1e-12 && !lower; step /= 2 {
			floats.AddScaledTo(next, x, step, direction)
			nextValue = evaluate(next, nextGrad)
			lower = nextValue <= value+1e-4*step*slope
		}
		if !lower {
			break
		}
		c := correction{s: make([]float64, n), y: make([]float64, n)}
		floats.SubTo(c.s, next, x)
		floats.SubTo(c.y, nextGrad, grad)
		if c.sy = floats.Dot(c.s, c.y); c.sy > 0 {
			if past = append(past, c); len(past) > memory {
				past = past[1:]
			}
		}
		copy(x, next)
		copy(grad, nextGrad)
		value = nextValue
	}
	if slope := floats.Norm(grad, math.Inf(1)); !(slope < nearlyFlat) {
		return fmt.Errorf("no minimum found: the slope is still %g", slope)
	}
	return nil
}

// correction is one step s, the change of slope y along it, and s·y.
type correction struct {
	s, y []float64
	sy   float64
}

// descend sets dst to −H·grad, H being the inverse Hessian that the past steps imply (the two-loop recursion).
func descend(dst, grad []float64, past []correction) {
	floats.ScaleTo(dst, -1, grad)
	alpha := make([]float64, len(past))
	for i := len(past) - 1; i >= 0; i-- {
		alpha[i] = floats.Dot(past[i].s, dst) / past[i].sy
		floats.AddScaled(dst, -alpha[i], past[i].y)
	}
	if len(past) > 0 {
		last := past[len(past)-1]
		floats.Scale(last.sy/floats.Dot(last.y, last.y), dst)
	}
	for i, c := range past {
		beta := floats.Dot(c.y, dst) / c.sy
		floats.AddScaled(dst, alpha[i]-beta, c.s)
	}
}
