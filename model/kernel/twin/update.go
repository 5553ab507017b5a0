package twin

import "math"

// SGDMomentum is one step of PyTorch's SGD.
func SGDMomentum(p, g, v []float32, lr, momentum, decay float64) {
	for i := range p {
		s := momentum*float64(v[i]) + float64(g[i]) + decay*float64(p[i])
		v[i] = float32(s)
		p[i] = float32(float64(p[i]) - lr*s)
	}
}

// Adam is step t of PyTorch's Adam (decoupled 0) or AdamW (decay 0).
func Adam(p, g, m, v []float32, lr, b1, b2, eps, decay, decoupled float64, t int) {
	for i := range p {
		s := float64(g[i]) + decay*float64(p[i])
		a := b1*float64(m[i]) + (1-b1)*s
		b := b2*float64(v[i]) + (1-b2)*s*s
		m[i], v[i] = float32(a), float32(b)
		a /= 1 - math.Pow(b1, float64(t))
		b /= 1 - math.Pow(b2, float64(t))
		p[i] = float32(float64(p[i])*(1-lr*decoupled) - lr*a/(math.Sqrt(b)+eps))
	}
}

// EMA moves key toward query.
func EMA(key, query []float32, momentum float64) {
	for i := range key {
		key[i] = float32(momentum*float64(key[i]) + (1-momentum)*float64(query[i]))
	}
}

// Axpy adds a·x to dst.
func Axpy(dst, x []float32, a float64) {
	for i := range dst {
		dst[i] = float32(float64(dst[i]) + a*float64(x[i]))
	}
}

// ScaleRows is factor[i] times row i of x, d numbers a row.
func ScaleRows(x []float32, d int, factor []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = factor[i/d] * v
	}
	return y
}
