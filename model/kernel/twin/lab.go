package twin

import "math"

// toXYZ takes linear sRGB to XYZ under D65; its rows sum to the white point.
var toXYZ = [3][3]float64{{0.4124564, 0.3575761, 0.1804375}, {0.2126729, 0.7151522, 0.0721750}, {0.0193339, 0.1191920, 0.9503041}}

// Lab takes normalised RGB pixels to (L − 50)/25, a/25, b/25.
func Lab(x []float32) []float32 {
	y := make([]float32, len(x))
	for i := 0; i < len(x); i += 3 {
		var light, f [3]float64
		for j := range light {
			light[j] = linear(min(max(float64(x[i+j])*0.25+0.5, 0), 1))
		}
		for j, row := range toXYZ {
			f[j] = bend((row[0]*light[0] + row[1]*light[1] + row[2]*light[2]) / (row[0] + row[1] + row[2]))
		}
		y[i] = float32((116*f[1] - 16 - 50) / 25)
		y[i+1] = float32(500 * (f[0] - f[1]) / 25)
		y[i+2] = float32(200 * (f[1] - f[2]) / 25)
	}
	return y
}

// linear is the light of an sRGB channel (IEC 61966-2-1), both from 0 to 1.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// bend is CIE's f.
func bend(t float64) float64 {
	if t <= 216.0/24389 {
		return (24389.0/27*t + 16) / 116
	}
	return math.Cbrt(t)
}
