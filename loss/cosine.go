package loss

import "math"

// cosines is what BYOL, SimSiam and the prediction of embeddings share: rows p (m, d) are to point where the rows of
// target do, from which no gradient flows.
type cosines struct {
	m, d     int
	p, t     []float32 // (m, d) of unit length
	length   []float64 // of the rows of p
	distance int       // rows i and i ± distance show one picture; 0 for none
}

func newCosines(m, d, distance int) *cosines {
	return &cosines{m: m, d: d, p: make([]float32, m*d), t: make([]float32, m*d), length: make([]float64, m), distance: distance}
}

// run returns the mean cosine of p_i with target_of(i) and writes −scale·∂/∂p of it into dp. A row of zeros has a
// cosine of 0 and pulls nowhere.
func (c *cosines) run(p, target []float32, of func(i int) int, scale float32, dp []float32) float64 {
	m, d := c.m, c.d
	mean := 0.0
	for i := range m {
		row, to, g := c.p[i*d:(i+1)*d], c.t[i*d:(i+1)*d], dp[i*d:(i+1)*d]
		j := of(i)
		c.length[i] = unit(row, p[i*d:(i+1)*d])
		unit(to, target[j*d:(j+1)*d])
		clear(g)
		if c.length[i] == 0 {
			continue
		}
		cosine := float64(dot(row, to))
		mean += cosine / float64(m)
		by := float64(scale) / float64(m) / c.length[i]
		for k := range g {
			g[k] = float32(by * (cosine*float64(row[k]) - float64(to[k])))
		}
	}
	return mean
}

// told is what the last run tells.
func (c *cosines) told(loss float64) Contrast {
	return tellCosines(c.p, c.t, c.m, c.d, c.distance, loss)
}

// viewScores is what the cosines of rows of any length tell.
func viewScores(a, b []float32, n, d, distance int, loss float64) Contrast {
	p, t := make([]float32, n*d), make([]float32, n*d)
	for i := range n {
		unit(p[i*d:(i+1)*d], a[i*d:(i+1)*d])
		unit(t[i*d:(i+1)*d], b[i*d:(i+1)*d])
	}
	return tellCosines(p, t, n, d, distance, loss)
}

// tellCosines tells of unit rows that belong together one by one; rows of the same picture are no negatives.
func tellCosines(p, t []float32, n, d, distance int, loss float64) Contrast {
	return tallyProducts(p, t, n, n, d, func(i, j int) int8 {
		switch {
		case i == j:
			return positive
		case max(i-j, j-i) == distance:
			return neither
		}
		return negative
	}).told(loss, false)
}

// unit writes x/‖x‖ and returns ‖x‖; of zeros it writes zeros.
func unit(y, x []float32) float64 {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	length := math.Sqrt(squares)
	if length == 0 {
		clear(y)
		return 0
	}
	for k, v := range x {
		y[k] = float32(float64(v) / length)
	}
	return length
}
