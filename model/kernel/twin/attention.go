package twin

import "math"

// LayerNorm is γ·(x − mean)/√(variance + 1e-5) + β with the moments of each row.
func LayerNorm(x, gamma, beta []float32) []float32 {
	c, y := len(gamma), make([]float32, len(x))
	for at := 0; at < len(x); at += c {
		mean, variance := rowMoments(x[at : at+c])
		for j := range c {
			y[at+j] = float32(float64(gamma[j])*(float64(x[at+j])-mean)/math.Sqrt(variance+eps) + float64(beta[j]))
		}
	}
	return y
}

func rowMoments(x []float32) (mean, variance float64) {
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return mean, variance
}

// LayerNormGradients are ∂L/∂x, ∂L/∂γ and ∂L/∂β.
func LayerNormGradients(dy, x, gamma []float32) (dx, dgamma, dbeta []float32) {
	c := len(gamma)
	gx, dg, db := make([]float64, len(x)), make([]float64, c), make([]float64, c)
	for at := 0; at < len(x); at += c {
		mean, variance := rowMoments(x[at : at+c])
		r := 1 / math.Sqrt(variance+eps)
		var a, b float64
		for j := range c {
			hat := (float64(x[at+j]) - mean) * r
			g := float64(dy[at+j]) * float64(gamma[j])
			a, b = a+g/float64(c), b+g*hat/float64(c)
			dg[j] += float64(dy[at+j]) * hat
			db[j] += float64(dy[at+j])
		}
		for j := range c {
			hat := (float64(x[at+j]) - mean) * r
			gx[at+j] = r * (float64(dy[at+j])*float64(gamma[j]) - a - hat*b)
		}
	}
	return narrow(gx), narrow(dg), narrow(db)
}

// GELU is ½x(1 + tanh(√(2/π)(x + 0.044715x³))), and its slopes.
func GELU(x []float32) (y, slopes []float32) {
	y, slopes = make([]float32, len(x)), make([]float32, len(x))
	for i, v := range x {
		x := float64(v)
		t := math.Tanh(math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x))
		y[i] = float32(x / 2 * (1 + t))
		slopes[i] = float32((1+t)/2 + x/2*(1-t*t)*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x))
	}
	return y, slopes
}

// Attention is softmax(q·kᵀ/√d)·v of every head of every sequence of so many rows, and with dy the gradient toward qkv.
func Attention(qkv, dy []float32, tokens, heads, c int) (y, dqkv []float32) {
	d, rows := c/heads, len(qkv)/(3*c)
	out, grad := make([]float64, rows*c), make([]float64, len(qkv))
	at := func(row, part, head, i int) int { return row*3*c + part*c + head*d + i }
	for first := 0; first < rows; first += tokens {
		for h := range heads {
			for a := first; a < first+tokens; a++ {
				p, dp := make([]float64, tokens), make([]float64, tokens)
				top, sum, mean := math.Inf(-1), 0.0, 0.0
				for b := range p {
					for i := range d {
						p[b] += float64(qkv[at(a, 0, h, i)]) * float64(qkv[at(first+b, 1, h, i)]) / math.Sqrt(float64(d))
					}
					top = max(top, p[b])
				}
				for b := range p {
					p[b] = math.Exp(p[b] - top)
					sum += p[b]
				}
				for b := range p {
					p[b] /= sum
					for i := range d {
						g := float64(dy[a*c+h*d+i])
						out[a*c+h*d+i] += p[b] * float64(qkv[at(first+b, 2, h, i)])
						grad[at(first+b, 2, h, i)] += p[b] * g
						dp[b] += g * float64(qkv[at(first+b, 2, h, i)])
					}
					mean += p[b] * dp[b]
				}
				for b := range p {
					ds := p[b] * (dp[b] - mean) / math.Sqrt(float64(d))
					for i := range d {
						grad[at(a, 0, h, i)] += ds * float64(qkv[at(first+b, 1, h, i)])
						grad[at(first+b, 1, h, i)] += ds * float64(qkv[at(a, 0, h, i)])
					}
				}
			}
		}
	}
	return narrow(out), narrow(grad)
}
