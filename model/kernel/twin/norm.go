package twin

import "math"

const eps = 1e-5

// Moments are the mean and the biased variance of each channel of x (rows, c).
func Moments(x []float32, c int) (mean, variance []float64) {
	rows := len(x) / c
	mean, variance = make([]float64, c), make([]float64, c)
	for i, v := range x {
		mean[i%c] += float64(v) / float64(rows)
	}
	for i, v := range x {
		d := float64(v) - mean[i%c]
		variance[i%c] += d * d / float64(rows)
	}
	return mean, variance
}

// BatchNorm is γ·(x − mean)/√(variance + 1e-5) + β (+ residual), ReLU where asked. residual may be nil.
func BatchNorm(x, gamma, beta, residual []float32, mean, variance []float64, relu bool) []float32 {
	c, y := len(gamma), make([]float32, len(x))
	for i, v := range x {
		z := float64(gamma[i%c])*(float64(v)-mean[i%c])/math.Sqrt(variance[i%c]+eps) + float64(beta[i%c])
		if residual != nil {
			z += float64(residual[i])
		}
		if relu {
			z = max(z, 0)
		}
		y[i] = float32(z)
	}
	return y
}

// BatchNormGradients are ∂L/∂x, ∂L/∂γ, ∂L/∂β and ∂L/∂residual. y is the forward's, batch says that mean
// and variance are x's own.
func BatchNormGradients(dy, x, y, gamma []float32, mean, variance []float64, relu, batch bool) (dx, dgamma, dbeta, dresidual []float32) {
	c := len(gamma)
	rows := float64(len(x) / c)
	hat := func(i int) float64 { return (float64(x[i]) - mean[i%c]) / math.Sqrt(variance[i%c]+eps) }
	passed, dg, db, gx := make([]float64, len(x)), make([]float64, c), make([]float64, c), make([]float64, len(x))
	for i, g := range dy {
		if relu && y[i] <= 0 {
			g = 0
		}
		passed[i] = float64(g)
		dg[i%c] += float64(g) * hat(i)
		db[i%c] += float64(g)
	}
	for i := range x {
		g := passed[i]
		if batch {
			g -= db[i%c]/rows + hat(i)*dg[i%c]/rows
		}
		gx[i] = float64(gamma[i%c]) / math.Sqrt(variance[i%c]+eps) * g
	}
	return narrow(gx), narrow(dg), narrow(db), narrow(passed)
}

// groupMoments are mean and variance of each (image, group).
func groupMoments(x []float32, n, c, groups int) (mean, variance []float64) {
	per := len(x) / n / groups
	mean, variance = make([]float64, n*groups), make([]float64, n*groups)
	for i, v := range x {
		mean[groupOf(i, len(x)/n, c, groups)] += float64(v) / float64(per)
	}
	for i, v := range x {
		g := groupOf(i, len(x)/n, c, groups)
		variance[g] += (float64(v) - mean[g]) * (float64(v) - mean[g]) / float64(per)
	}
	return mean, variance
}

func groupOf(i, image, c, groups int) int { return i/image*groups + i%c/(c/groups) }

// GroupNorm of x (n, places, c).
func GroupNorm(x, gamma, beta []float32, n, groups int, relu bool) []float32 {
	c := len(gamma)
	mean, variance := groupMoments(x, n, c, groups)
	y := make([]float32, len(x))
	for i, v := range x {
		g := groupOf(i, len(x)/n, c, groups)
		z := float64(gamma[i%c])*(float64(v)-mean[g])/math.Sqrt(variance[g]+eps) + float64(beta[i%c])
		if relu {
			z = max(z, 0)
		}
		y[i] = float32(z)
	}
	return y
}

// GroupNormGradients are ∂L/∂x, ∂L/∂γ and ∂L/∂β.
func GroupNormGradients(dy, x, y, gamma []float32, n, groups int, relu bool) (dx, dgamma, dbeta []float32) {
	c := len(gamma)
	mean, variance := groupMoments(x, n, c, groups)
	image := len(x) / n
	count := float64(image / groups)
	passed, dg, db, gx := make([]float64, len(x)), make([]float64, c), make([]float64, c), make([]float64, len(x))
	sum, sumHat := make([]float64, n*groups), make([]float64, n*groups)
	hat := func(i int) float64 {
		g := groupOf(i, image, c, groups)
		return (float64(x[i]) - mean[g]) / math.Sqrt(variance[g]+eps)
	}
	for i, v := range dy {
		if relu && y[i] <= 0 {
			v = 0
		}
		passed[i] = float64(v)
		dg[i%c] += float64(v) * hat(i)
		db[i%c] += float64(v)
		g := groupOf(i, image, c, groups)
		sum[g] += float64(v) * float64(gamma[i%c])
		sumHat[g] += float64(v) * float64(gamma[i%c]) * hat(i)
	}
	for i := range x {
		g := groupOf(i, image, c, groups)
		gx[i] = (float64(gamma[i%c])*passed[i] - sum[g]/count - hat(i)*sumHat[g]/count) / math.Sqrt(variance[g]+eps)
	}
	return narrow(gx), narrow(dg), narrow(db)
}
