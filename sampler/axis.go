package sampler

import "math"

// axis says from which pixels of a picture each pixel of a view is made, along one axis: taps of them, with
// weights that add up to 1. Two taps are linear interpolation; where the view is smaller than what it
// shows, taps cover it with a triangle as wide as needed, so that nothing is skipped.
type axis struct {
	taps   int
	at     []int32   // (n, taps) pixels of the picture
	weight []float32 // (n, taps)
}

// turn says where the pixel of a view is taken from before it was flipped and shifted.
type turn struct {
	n, shift   int
	flip, wrap bool
}

func (t turn) source(i int) int {
	i -= t.shift
	if t.wrap {
		i = ((i % t.n) + t.n) % t.n
	} else {
		i = reflect(i, t.n)
	}
	if t.flip {
		i = t.n - 1 - i
	}
	return i
}

// reflect folds an index back into 0 to n−1, the outermost pixel not repeated.
func reflect(i, n int) int {
	for i < 0 || i >= n {
		if n == 1 {
			return 0
		}
		if i < 0 {
			i = -i
		} else {
			i = 2*(n-1) - i
		}
	}
	return i
}

// fill lays t.n pixels of a view over length pixels of a picture of side from start on.
func (a *axis) fill(t turn, side int, start, length float64) {
	scale := length / float64(t.n)
	if scale == 1 && start == math.Trunc(start) { // pixel for pixel
		a.shape(t.n, 1)
		for i := range t.n {
			a.at[i], a.weight[i] = int32(start)+int32(t.source(i)), 1
		}
		return
	}
	reach := max(scale, 1) // half the width of the triangle, px of the picture
	a.shape(t.n, int(math.Ceil(2*reach)))
	for i := range t.n {
		centre := start + (float64(t.source(i))+0.5)*scale - 0.5
		first := int(math.Floor(centre-reach)) + 1
		at, weight := a.at[i*a.taps:(i+1)*a.taps], a.weight[i*a.taps:(i+1)*a.taps]
		var sum float64
		for k := range at {
			p := first + k
			w := max(0, 1-math.Abs(float64(p)-centre)/reach)
			if p < 0 || p >= side {
				if reach > 1 {
					w = 0 // a border is not worth more because the view is small
				}
				p = min(max(p, 0), side-1)
			}
			at[k], weight[k] = int32(p), float32(w)
			sum += w
		}
		for k := range weight {
			weight[k] = float32(float64(weight[k]) / sum)
		}
	}
}

// shape makes room for n pixels of so many taps.
func (a *axis) shape(n, taps int) {
	a.taps = taps
	if cap(a.at) < n*taps {
		a.at, a.weight = make([]int32, n*taps), make([]float32, n*taps)
	}
	a.at, a.weight = a.at[:n*taps], a.weight[:n*taps]
}

// span is the range of pixels of the picture that are used.
func (a *axis) span() (from, to int) {
	lo, hi := a.at[0], a.at[0]
	for _, p := range a.at {
		lo, hi = min(lo, p), max(hi, p)
	}
	return int(lo), int(hi) + 1
}
