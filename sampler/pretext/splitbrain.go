package pretext

import "fmt"

// SplitBrain is the task of Zhang, Isola & Efros 2017 (arXiv:1611.09842): one half of the network tells the
// colour from the lightness (Colour, from Gray), the other the lightness from the colour, and what both
// make of a picture is joined. The halves must not be connected, or each only copies its answer.
type SplitBrain struct {
	*Colour
	Levels int // classes of lightness, of equal width from 0 to 100
}

// NewSplitBrain divides lightness into so many levels: 100 in the paper, fewer where pictures are few.
func NewSplitBrain(c *Colour, levels int) (SplitBrain, error) {
	if levels < 2 || levels > 1000 {
		return SplitBrain{}, fmt.Errorf("dividing lightness into %d levels: they must be 2 to 1000, 100 in the paper", levels)
	}
	return SplitBrain{c, levels}, nil
}

// Lightness writes the target of the half that sees colour: per place of the grid×grid the level of the mean
// L of what it covers, (grid, grid): one class, not a soft target, for levels are narrow. There always is
// one. A gray picture has lightness too, but nothing to tell it from: leave out what Encode calls gray.
func (s SplitBrain) Lightness(view []float32, size, grid int, index []int32) {
	side := blocks(size, grid)
	for at := range grid * grid {
		var l float64
		for y := at / grid * side; y < (at/grid+1)*side; y++ {
			for x := at % grid * side; x < (at%grid+1)*side; x++ {
				q := view[3*(y*size+x):][:3]
				l += lightness(q[0], q[1], q[2])
			}
		}
		l /= float64(side * side)
		index[at] = int32(min(max(int(l/100*float64(s.Levels)), 0), s.Levels-1))
	}
}

// chromaScale brings a and b, which mostly stay within ±25, to the scale of a view.
const chromaScale = 1. / 25

// Chroma writes what the other half sees, size×size×3: a, b and nothing, so that an encoder for colour
// pictures can take it. It holds no lightness.
func Chroma(dst, view []float32, size int) {
	n := 3 * size * size
	dst, view = dst[:n], view[:n]
	for i := 0; i < n; i += 3 {
		_, a, b := Lab(view[i], view[i+1], view[i+2])
		dst[i], dst[i+1], dst[i+2] = a*chromaScale, b*chromaScale, 0
	}
}
