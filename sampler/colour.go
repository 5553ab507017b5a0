package sampler

import "math"

// colour is an affine map of RGB. All colour operations are affine, so that any sequence of them is one map
// and one pass over the pixels. In that they differ from the usual implementations in two ways: nothing is
// clipped between operations, and hue turns in the plane of chroma (YIQ) instead of on the hexagon of HSV.
type colour struct {
	m [3][3]float64
	o [3]float64
}

// luma are the weights of red, green and blue in grey (ITU-R BT.601).
var luma = [3]float64{0.299, 0.587, 0.114}

func identity() colour {
	return colour{m: [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}
}

// scale is followed by x·a + b.
func (c *colour) scale(a, b float64) {
	for i := range 3 {
		for j := range 3 {
			c.m[i][j] *= a
		}
		c.o[i] = c.o[i]*a + b
	}
}

// linear is followed by the matrix n.
func (c *colour) linear(n [3][3]float64) {
	was := *c
	for i := range 3 {
		c.o[i] = 0
		for j := range 3 {
			c.m[i][j] = 0
			for k := range 3 {
				c.m[i][j] += n[i][k] * was.m[k][j]
			}
			c.o[i] += n[i][j] * was.o[j]
		}
	}
}

// grey is the grey of what an RGB value becomes.
func (c *colour) grey(rgb [3]float64) (g float64) {
	for i := range 3 {
		v := c.o[i]
		for j := range 3 {
			v += c.m[i][j] * rgb[j]
		}
		g += luma[i] * v
	}
	return g
}

// saturate is x·s + grey(x)·(1 − s).
func (c *colour) saturate(s float64) {
	var n [3][3]float64
	for i := range 3 {
		for j := range 3 {
			n[i][j] = (1 - s) * luma[j]
		}
		n[i][i] += s
	}
	c.linear(n)
}

// toYIQ and fromYIQ are the NTSC colour space; the second is the inverse of the first.
var (
	toYIQ   = [3][3]float64{{0.299, 0.587, 0.114}, {0.59590059, -0.27455667, -0.32134392}, {0.21153661, -0.52273617, 0.31119955}}
	fromYIQ = invert(toYIQ)
)

// turn is hue: chroma turned by an angle, grey unchanged.
func (c *colour) turn(angle float64) {
	sin, cos := math.Sincos(angle)
	c.linear(toYIQ)
	c.linear([3][3]float64{{1, 0, 0}, {0, cos, -sin}, {0, sin, cos}})
	c.linear(fromYIQ)
}

// invert is the inverse of a matrix, by cofactors.
func invert(m [3][3]float64) (n [3][3]float64) {
	var det float64
	for j := range 3 {
		for i := range 3 {
			a, b, c, d := (i+1)%3, (i+2)%3, (j+1)%3, (j+2)%3
			n[j][i] = m[a][c]*m[b][d] - m[a][d]*m[b][c]
		}
		det += m[0][j] * n[j][0]
	}
	for i := range 3 {
		for j := range 3 {
			n[i][j] /= det
		}
	}
	return n
}

// colours is the map a look asks for, from bytes (0 to 255) to the normalised picture. mean is the mean
// RGB of the view in bytes; only contrast jitter looks at it.
func (l *look) colours(mean [3]float64) colour {
	c := identity()
	if l.jitter {
		for _, j := range l.order {
			switch j {
			case jitterBrightness:
				c.scale(l.brightness, 0)
			case jitterContrast:
				c.scale(l.contrast, (1-l.contrast)*c.grey(mean))
			case jitterSaturation:
				c.saturate(l.saturation)
			case jitterHue:
				if l.turn != 0 {
					c.turn(l.turn)
				}
			}
		}
	}
	if l.gray {
		c.saturate(0)
	}
	c.scale(4./255, -2)
	c.scale(l.gain, l.offset)
	return c
}

// diagonal says whether each channel depends on itself alone.
func (c *colour) diagonal() bool {
	m := &c.m
	return m[0][1] == 0 && m[0][2] == 0 && m[1][0] == 0 && m[1][2] == 0 && m[2][0] == 0 && m[2][1] == 0
}
