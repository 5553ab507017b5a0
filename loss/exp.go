package loss

import "math"

// exp32 is e^x for x ≤ 0 to about one part in 10⁷, in a quarter of math.Exp's time: 2^i by the exponent's bits,
// the rest by a polynomial (Cephes). What is below e⁻⁸⁷ becomes 0.
func exp32(x float32) float32 {
	if !(x > -87) {
		if x != x {
			return x
		}
		return 0
	}
	i := int32(x*math.Log2E - 0.5)
	r := (x - float32(i)*0.693359375) + float32(i)*2.12194440e-4
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	return (p*r*r + r + 1) * math.Float32frombits(uint32(i+127)<<23)
}
