package pretext

import "math"

// Picture is a square picture as networks see it: Size×Size×3 floats, NHWC, RGB, (x/255 − 0.5)/0.25.
type Picture struct {
	Pix  []float32
	Size int // px
}

// maxSide bounds what can be cropped or drawn, px: it keeps scratch memory on the stack.
const maxSide = 512

// at is the pixel at column x of row y.
func (p Picture) at(x, y int) []float32 {
	i := 3 * (y*p.Size + x)
	return p.Pix[i : i+3 : i+3]
}

// Crop writes the square of side px whose upper left corner is (x, y), resized to size×size×3, into dst:
// pixel for pixel where the sides agree, linearly where it grows, averaged where it shrinks. No pixel
// outside the square is read: a tile must not know the edge of its neighbour.
func (p Picture) Crop(dst []float32, size, x, y, side int) {
	if x < 0 || y < 0 || side < 1 || x+side > p.Size || y+side > p.Size {
		panic("pretext: the crop leaves the picture")
	}
	if size < 1 || size > maxSide || side > maxSide {
		panic("pretext: the crop is larger than 512 px")
	}
	dst = dst[:3*size*size]
	switch {
	case side == size:
		for v := range size {
			copy(dst[3*v*size:3*(v+1)*size], p.Pix[3*((y+v)*p.Size+x):])
		}
	case side < size:
		p.enlarge(dst, size, x, y, side)
	default:
		p.shrink(dst, size, x, y, side)
	}
}

// enlarge resizes linearly; pixel centres lie at ½.
func (p Picture) enlarge(dst []float32, size, x, y, side int) {
	var at [maxSide]int
	var share [maxSide]float32 // of the pixel after at
	for u := range size {
		c := min(max((float64(u)+0.5)*float64(side)/float64(size)-0.5, 0), float64(side-1))
		i := min(int(c), max(side-2, 0))
		at[u], share[u] = i, float32(c-float64(i))
	}
	next := min(1, side-1)
	for v := range size {
		top := p.Pix[3*((y+at[v])*p.Size+x):][:3*side]
		low := p.Pix[3*((y+at[v]+next)*p.Size+x):][:3*side]
		t, out := share[v], dst[3*v*size:3*(v+1)*size]
		for u := range size {
			i, j, s := 3*at[u], 3*(at[u]+next), share[u]
			for c := range 3 {
				a := top[i+c] + s*(top[j+c]-top[i+c])
				b := low[i+c] + s*(low[j+c]-low[i+c])
				out[3*u+c] = a + t*(b-a)
			}
		}
	}
}

// shrink gives each pixel the mean of what it covers, with the shares of pixels it covers in part.
func (p Picture) shrink(dst []float32, size, x, y, side int) {
	scale := float64(side) / float64(size)
	for v := range size {
		y0, y1 := float64(v)*scale, min(float64(v+1)*scale, float64(side))
		for u := range size {
			x0, x1 := float64(u)*scale, min(float64(u+1)*scale, float64(side))
			var sum [3]float64
			var area float64
			for j := int(y0); float64(j) < y1; j++ {
				h := min(float64(j+1), y1) - max(float64(j), y0)
				for i := int(x0); float64(i) < x1; i++ {
					w := h * (min(float64(i+1), x1) - max(float64(i), x0))
					q := p.at(x+i, y+j)
					area += w
					for c := range 3 {
						sum[c] += w * float64(q[c])
					}
				}
			}
			for c := range 3 {
				dst[3*(v*size+u)+c] = float32(sum[c] / area)
			}
		}
	}
}

// luma are the weights of red, green and blue in grey (ITU-R BT.601).
var luma = [3]float32{0.299, 0.587, 0.114}

// gray makes (…, 3) pixels gray in place, by luma.
func gray(pix []float32) {
	for ; len(pix) >= 3; pix = pix[3:] {
		g := luma[0]*pix[0] + luma[1]*pix[1] + luma[2]*pix[2]
		pix[0], pix[1], pix[2] = g, g, g
	}
}

// moments are the mean and the standard deviation of every step-th number, from the first on.
func moments(pix []float32, step int) (mean, std float64) {
	var n, sum, squares float64
	for i := 0; i < len(pix); i += step {
		n, sum = n+1, sum+float64(pix[i])
	}
	mean = sum / n
	for i := 0; i < len(pix); i += step {
		d := float64(pix[i]) - mean
		squares += d * d
	}
	return mean, math.Sqrt(squares / n)
}

// level is a grey level of 255 on the scale of a view.
func level(x float64) float32 { return float32((x/255 - 0.5) / 0.25) }

// grain is the distance between two grey levels on the scale of a view.
const grain = 1. / 255 / 0.25
