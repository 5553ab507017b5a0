package pretext

import "math/rand/v2"

// Shortcut probes. Each takes away what a task is meant to be solved by and leaves one shortcut. A network
// that answers such pictures better than chance has learned the shortcut, and what it learned is worth
// that much less. A clean recipe leaves every probe at chance.

// Border blanks a tile, size×size×3, but for a rim of width px, in place. What is left tells neighbours only
// by lines and shades that run on from one tile into the other: the gap's task is to prevent that.
func Border(tile []float32, size, width int) {
	for y := width; y < size-width; y++ {
		clear(tile[3*(y*size+width) : max(3*(y*size+size-width), 3*(y*size+width))])
	}
}

// TileMean leaves of a tile, size×size×3, the mean of each channel, in place. What is left tells a tile's
// place only by light that changes over the picture, as the sky's does: normalising tiles prevents that.
func TileMean(tile []float32, size int) {
	tile = tile[:3*size*size]
	for c := range 3 {
		mean, _ := moments(tile[c:], 3)
		for i := c; i < len(tile); i += 3 {
			tile[i] = float32(mean)
		}
	}
}

// Position asks where in the view a patch was, the probe by which Doersch et al. 2015 (arXiv:1505.05192)
// found out that colour fringes answer their task: with them, a network was off by 0.255 (root mean square) on
// the best tenth of pictures, without by 0.321, where 0.371 is a guess of the middle.
type Position struct {
	Size  int // side of the view, px
	Tile  int // side of a patch as the network sees it, px
	Patch int // side of a patch, px of the view
}

// Paint writes a random patch, Tile×Tile×3, and says where it lies, from 0 (left, top) to 1.
func (p Position) Paint(dst, view []float32, r *rand.Rand) (x, y float32) {
	room := p.Size - p.Patch
	u, v := r.IntN(room+1), r.IntN(room+1)
	Picture{view[:3*p.Size*p.Size], p.Size}.Crop(dst, p.Tile, u, v, p.Patch)
	whole := float32(max(room, 1))
	return float32(u) / whole, float32(v) / whole
}

// clock is what a camera burns in, in px of a view of 64.
var clock = [...]string{
	".....................",
	"..#..###...###.#.#...",
	".##....#.#.#.#.#.#...",
	"..#..###...#.#.###...",
	"..#..#...#.#.#...#...",
	".###.###...###...#...",
	".....................",
}

// Clock draws a camera's clock into the upper left corner of a view, in place: light digits on a dark
// block, always the same. Where it stands answers rotation, context and jigsaw. A network that does
// better with it than without would learn the clocks of real cameras.
func Clock(view []float32, size int) {
	p := Picture{view, size}
	zoom := max(size/64, 1)
	for y := range min(len(clock)*zoom, size) {
		for x := range min(len(clock[0])*zoom, size) {
			ink := float32(-2)
			if clock[y/zoom][x/zoom] == '#' {
				ink = 2
			}
			q := p.at(x, y)
			q[0], q[1], q[2] = ink, ink, ink
		}
	}
}

// ClockOnly is a gray view with a clock and nothing else.
func ClockOnly(view []float32, size int) {
	clear(view[:3*size*size])
	Clock(view, size)
}
