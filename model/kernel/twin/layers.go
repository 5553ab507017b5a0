package twin

import "math"

// ReLU is max(x, 0).
func ReLU(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = max(v, 0)
	}
	return y
}

// ReLUGradient is dy where y is positive.
func ReLUGradient(y, dy []float32) []float32 {
	dx := make([]float32, len(y))
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		}
	}
	return dx
}

// Linear is x·wᵀ + b: x (n, in), w (len(b), in).
func Linear(x, w, b []float32, n int, relu bool) []float32 {
	in, out := len(x)/n, len(b)
	y := make([]float64, n*out)
	for i := range y {
		y[i] = float64(b[i%out])
		for j := range in {
			y[i] += float64(x[i/out*in+j]) * float64(w[i%out*in+j])
		}
		if relu {
			y[i] = max(y[i], 0)
		}
	}
	return narrow(y)
}

// LinearGradients are ∂L/∂x, ∂L/∂w and ∂L/∂b.
func LinearGradients(dy, x, w, y []float32, n int, relu bool) (dx, dw, db []float32) {
	in, out := len(x)/n, len(y)/n
	gx, gw, gb := make([]float64, len(x)), make([]float64, len(w)), make([]float64, out)
	for i, g := range dy {
		if relu && y[i] <= 0 {
			continue
		}
		gb[i%out] += float64(g)
		for j := range in {
			gx[i/out*in+j] += float64(g) * float64(w[i%out*in+j])
			gw[i%out*in+j] += float64(g) * float64(x[i/out*in+j])
		}
	}
	return narrow(gx), narrow(gw), narrow(gb)
}

// MaxPool of x (n, h, w, c); at is where in x each output comes from. The first of equals wins.
func MaxPool(x []float32, n, h, w, c, k, stride, pad int) (y []float32, at []int) {
	for i := range n {
		for oh := range (h+2*pad-k)/stride + 1 {
			for ow := range (w+2*pad-k)/stride + 1 {
				for ch := range c {
					best := -1
					for p := range k * k {
						r, q := oh*stride-pad+p/k, ow*stride-pad+p%k
						if r < 0 || r >= h || q < 0 || q >= w {
							continue
						}
						if place := ((i*h+r)*w+q)*c + ch; best < 0 || x[place] > x[best] {
							best = place
						}
					}
					y, at = append(y, x[best]), append(at, best)
				}
			}
		}
	}
	return y, at
}

// GlobalMean of x (n, places, c) over the places.
func GlobalMean(x []float32, n, c int) []float32 {
	y := make([]float64, n*c)
	places := len(x) / n / c
	for i, v := range x {
		y[i/(places*c)*c+i%c] += float64(v) / float64(places)
	}
	return narrow(y)
}

// GlobalMeanGradient spreads dy (n, c) over the places.
func GlobalMeanGradient(dy []float32, n, places, c int) []float32 {
	dx := make([]float32, n*places*c)
	for i := range dx {
		dx[i] = dy[i/(places*c)*c+i%c] / float32(places)
	}
	return dx
}

// Normalize gives rows of d numbers unit length.
func Normalize(x []float32, d int) []float32 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v) / length(x[i/d*d:i/d*d+d])
	}
	return narrow(y)
}

// NormalizeGradient is ∂L/∂x of Normalize.
func NormalizeGradient(x, dy []float32, d int) []float32 {
	dx := make([]float64, len(x))
	for i := range x {
		row, grow := x[i/d*d:i/d*d+d], dy[i/d*d:i/d*d+d]
		l, dot := length(row), 0.0
		for j, v := range row {
			dot += float64(v) / l * float64(grow[j])
		}
		dx[i] = (float64(dy[i]) - float64(x[i])/l*dot) / l
	}
	return narrow(dx)
}

func length(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return max(math.Sqrt(s), 1e-12)
}

// Distance is |a − b| number by number, and with dy the gradients toward both.
func Distance(a, b, dy []float32) (y, da, db []float32) {
	y, da, db = make([]float32, len(a)), make([]float32, len(a)), make([]float32, len(a))
	for i := range a {
		switch d := a[i] - b[i]; {
		case d > 0:
			y[i], da[i], db[i] = d, dy[i], -dy[i]
		case d < 0:
			y[i], da[i], db[i] = -d, -dy[i], dy[i]
		}
	}
	return y, da, db
}
