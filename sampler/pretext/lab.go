package pretext

import "math"

// CIELAB of sRGB under D65, with the matrix and constants of scikit-image and OpenCV. L runs from 0 to 100;
// of all colours of sRGB, a runs from −86 to 98 and b from −108 to 95. As in OpenCV the white point is what
// RGB white gives, so that gray has a = b = 0 but for rounding (scikit-image's differs by up to 1e-4, which leaves
// gray with some thousandths).
var (
	toXYZ = [3][3]float64{
		{0.412453 / whiteX, 0.357580 / whiteX, 0.180423 / whiteX},
		{0.212671, 0.715160, 0.072169},
		{0.019334 / whiteZ, 0.119193 / whiteZ, 0.950227 / whiteZ},
	}
	fromXYZ = invert(toXYZ)
)

const (
	whiteX = 0.412453 + 0.357580 + 0.180423
	whiteZ = 0.019334 + 0.119193 + 0.950227

	knee      = 0.008856 // of X, Y and Z: below it the cube root gives way to a line
	kneeSlope = 7.787
	kneeShift = 16. / 116
)

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

// Lab is the colour of a pixel of a view. What augmentation has pushed out of 0 to 255 is clipped first.
func Lab(r, g, b float32) (l, a, bb float32) {
	x := [3]float64{linear(r), linear(g), linear(b)}
	var f [3]float64
	for i, m := range toXYZ {
		f[i] = root(m[0]*x[0] + m[1]*x[1] + m[2]*x[2])
	}
	return float32(116*f[1] - 16), float32(500 * (f[0] - f[1])), float32(200 * (f[1] - f[2]))
}

// RGB is the pixel of a colour, on the scale of a view, the inverse of Lab. A colour that no screen shows is
// clipped to 0 to 255 in each channel.
func RGB(l, a, b float32) (r, g, bb float32) {
	y := (float64(l) + 16) / 116
	f := [3]float64{unroot(y + float64(a)/500), unroot(y), unroot(y - float64(b)/200)}
	var rgb [3]float32
	for i, m := range fromXYZ {
		rgb[i] = companded(m[0]*f[0] + m[1]*f[1] + m[2]*f[2])
	}
	return rgb[0], rgb[1], rgb[2]
}

// lightness is L alone.
func lightness(r, g, b float32) float64 { return 116*root(luminance(r, g, b)) - 16 }

// luminance is Y of a pixel of a view, white being 1.
func luminance(r, g, b float32) float64 {
	m := &toXYZ[1]
	return m[0]*linear(r) + m[1]*linear(g) + m[2]*linear(b)
}

// root is CIELAB's cube root.
func root(t float64) float64 {
	if t > knee {
		return math.Cbrt(t)
	}
	return kneeSlope*t + kneeShift
}

func unroot(f float64) float64 {
	if t := f * f * f; t > knee {
		return t
	}
	return (f - kneeShift) / kneeSlope
}

// linearSteps is how fine the table of linear is. Between its places it is read as a line, which is off by
// 1e-7 at most.
const linearSteps = 4096

// linearTable is sRGB's transfer function, because its power is the dearest part of a conversion.
var linearTable = func() (t [linearSteps + 2]float64) {
	for i := range t {
		t[i] = transfer(float64(i) / linearSteps)
	}
	return t
}()

// transfer is linear light of an sRGB value from 0 to 1.
func transfer(v float64) float64 {
	if v > 0.04045 {
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return v / 12.92
}

// linear is the light of one channel of a view, 0 to 1.
func linear(x float32) float64 {
	v := min(max(float64(x)*0.25+0.5, 0), 1) * linearSteps
	i := int(v)
	return linearTable[i] + (v-float64(i))*(linearTable[i+1]-linearTable[i])
}

// companded is the channel of a view that has so much light.
func companded(light float64) float32 {
	v := light * 12.92
	if light > 0.0031308 {
		v = 1.055*math.Pow(min(light, 1), 1/2.4) - 0.055
	}
	return float32((max(v, 0) - 0.5) / 0.25)
}

// Gray writes the lightness of a view, size×size×3, as the gray picture of the same lightness: three equal
// channels on the scale of a view, so that an encoder for colour pictures can take it. It holds L and
// nothing else.
func Gray(dst, view []float32, size int) {
	n := 3 * size * size
	dst, view = dst[:n], view[:n]
	for i := 0; i < n; i += 3 {
		g := companded(luminance(view[i], view[i+1], view[i+2]))
		dst[i], dst[i+1], dst[i+2] = g, g, g
	}
}
