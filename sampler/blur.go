package sampler

import "math"

// maxSigma bounds the blur, px of the view.
const maxSigma = 10

// blurrer is a separable Gaussian blur with reflected borders. It commutes with colours, which are affine.
type blurrer struct {
	kernel [3*maxSigma + 1]float32 // from the centre outwards
	padded []float32               // one row with its reflected borders
	rows   []float32               // the picture, blurred along its rows
}

// blur works in place on a size×size RGB picture; the kernel ends at 3σ.
func (b *blurrer) blur(dst []float32, size int, sigma float64) {
	radius := b.weigh(sigma)
	if len(b.rows) < len(dst) {
		b.rows = make([]float32, len(dst))
	}
	if len(b.padded) < 3*(size+2*radius) {
		b.padded = make([]float32, 3*(size+6*maxSigma))
	}
	width := 3 * size
	for y := range size {
		row := dst[y*width:][:width]
		padded := b.padded[:width+6*radius]
		copy(padded[3*radius:], row)
		for i := 1; i <= radius; i++ {
			copy(padded[3*(radius-i):][:3], row[3*reflect(-i, size):])
			copy(padded[3*(radius+size-1+i):][:3], row[3*reflect(size-1+i, size):])
		}
		out := b.rows[y*width:][:width]
		b.fold(out, padded[3*radius:], func(i int) ([]float32, []float32) {
			return padded[3*(radius-i):], padded[3*(radius+i):]
		}, radius)
	}
	line := func(y int) []float32 { return b.rows[reflect(y, size)*width:][:width] }
	for y := range size {
		b.fold(dst[y*width:][:width], line(y), func(i int) ([]float32, []float32) { return line(y - i), line(y + i) }, radius)
	}
}

// weigh fills the kernel and returns its radius.
func (b *blurrer) weigh(sigma float64) int {
	radius := int(math.Ceil(3 * sigma))
	sum := 0.
	for i := 0; i <= radius; i++ {
		w := math.Exp(-float64(i*i) / (2 * sigma * sigma))
		b.kernel[i] = float32(w)
		sum += w
		if i > 0 {
			sum += w
		}
	}
	for i := 0; i <= radius; i++ {
		b.kernel[i] = float32(float64(b.kernel[i]) / sum)
	}
	return radius
}

// fold is out = Σ kernel[i]·(left(i) + right(i)).
func (b *blurrer) fold(out, centre []float32, sides func(i int) (left, right []float32), radius int) {
	centre = centre[:len(out)]
	w := b.kernel[0]
	for i, x := range centre {
		out[i] = w * x
	}
	for r := 1; r <= radius; r++ {
		w := b.kernel[r]
		left, right := sides(r)
		left, right = left[:len(out)], right[:len(out)]
		for i := range out {
			out[i] += w * (left[i] + right[i])
		}
	}
}
