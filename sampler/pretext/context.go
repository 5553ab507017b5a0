package pretext

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// What the context task does against chromatic aberration. A lens bends colours differently, so that a
// colour fringe tells where in the picture a patch was; the paper's network learned that first.
const (
	AberrationDrop    = "drop"    // one random channel of each patch is kept, noise takes the others' places
	AberrationProject = "project" // green against magenta is projected out
	AberrationKeep    = "none"
)

// Context is the task of Doersch, Gupta & Efros 2015 (arXiv:1505.05192): given two patches, say where the
// second lies around the first. Around the middle patch of a 3×3 grid lie eight; the label counts them row
// by row without the middle, 0 to 7, as in the released code (cdoersch/deepcontext, train.py).
//
// The first patch is always the middle one of its grid, so where it lies says nothing of the label. The
// released code pairs all neighbours of a grid that fills the picture, and a patch at the left edge of that
// has no left neighbour.
type Context struct {
	Size int // side of the view, px
	Tile int // side of a patch as the network sees it, px: patches are resized to it

	Patch  int // side of a patch, px of the view
	Gap    int // between patches, px of the view, so that no line or texture runs on from one into the other
	Jitter int // each patch is moved by up to so much along each axis, px of the view

	Aberration string  // drop, project or none
	Coarse     float64 // share of patches that are made coarse and smooth again, so that blur and grain tell less
}

// NewContext is the task for views of size px: the released code's 96 px patch, 48 px gap and ±7 px jitter,
// in proportion to a grid that just fills the view (64 px: 15, 7 and ±1), with its colour dropping and its
// third of coarse patches.
func NewContext(size, tile int) Context {
	const side = 3*96 + 2*48 + 2*7
	c := Context{Size: size, Tile: tile, Patch: 96 * size / side, Gap: 48 * size / side, Aberration: AberrationDrop, Coarse: 0.33}
	c.Jitter = min(max(7*size/side, 1), (size-3*c.Patch-2*c.Gap)/2)
	return c
}

// Check says what cannot be painted.
func (c Context) Check() error {
	switch {
	case c.Size < 1 || c.Size > maxSide || c.Tile < 1 || c.Tile > maxSide:
		return fmt.Errorf("painting context patches of %d px from views of %d px: both must be 1 to %d px", c.Tile, c.Size, maxSide)
	case c.Patch < 2 || c.Gap < 0 || c.Jitter < 0:
		return fmt.Errorf("painting context patches of %d px with gap %d and jitter %d: a patch needs 2 px or more, and no distance is negative", c.Patch, c.Gap, c.Jitter)
	case c.extent() > c.Size:
		return fmt.Errorf("painting context patches of %d px with gap %d and jitter %d: they need views of %d px, these have %d: make patch or gap smaller, or views larger",
			c.Patch, c.Gap, c.Jitter, c.extent(), c.Size)
	case c.Aberration != AberrationDrop && c.Aberration != AberrationProject && c.Aberration != AberrationKeep:
		return fmt.Errorf("painting context patches: aberration must be drop, project or none, not %q", c.Aberration)
	case !(c.Coarse >= 0 && c.Coarse <= 1):
		return fmt.Errorf("painting context patches: coarse must be a share from 0 to 1, not %v", c.Coarse)
	}
	return nil
}

// extent is the side of the grid with the room that jitter needs, px.
func (c Context) extent() int { return 3*c.Patch + 2*c.Gap + 2*c.Jitter }

// Neighbours is the number of classes of the context task.
const Neighbours = 8

// Neighbour is the cell of a 3×3 grid, column and row from −1 to 1 about the middle, that a label names.
func Neighbour(label int32) (column, row int) {
	if label >= 4 {
		label++ // the middle has no label
	}
	return int(label)%3 - 1, int(label)/3 - 1
}

// Paint writes the two patches, Tile×Tile×3 each, and says where the second lies.
func (c Context) Paint(first, second, view []float32, r *rand.Rand) (label int32) {
	p := Picture{view[:3*c.Size*c.Size], c.Size}
	label = r.Int32N(Neighbours)
	column, row := Neighbour(label)
	room, pitch := c.Size-c.extent()+1, c.Patch+c.Gap
	x, y := c.Jitter+pitch+r.IntN(room), c.Jitter+pitch+r.IntN(room)
	c.patch(first, p, x, y, r)
	c.patch(second, p, x+column*pitch, y+row*pitch, r)
	return label
}

// patch cuts one patch out, moved by jitter, and takes its shortcuts away.
func (c Context) patch(dst []float32, p Picture, x, y int, r *rand.Rand) {
	dst = dst[:3*c.Tile*c.Tile]
	x += r.IntN(2*c.Jitter+1) - c.Jitter
	y += r.IntN(2*c.Jitter+1) - c.Jitter
	if r.Float64() < c.Coarse {
		c.coarse(dst, p, x, y, r)
	} else {
		p.Crop(dst, c.Tile, x, y, c.Patch)
	}
	switch c.Aberration {
	case AberrationDrop:
		dropChannels(dst, r)
	case AberrationProject:
		project(dst)
	}
}

// maxCoarse bounds the side of a coarse patch, px: it keeps scratch memory on the stack.
const maxCoarse = 64

// coarse cuts a patch out that has lost its detail: shrunk, then resized. The released code goes down to
// 10² of its 96² pixels, uniform in area. Of a patch of 15 px that would leave two; here a third of the
// side, and never fewer than 4 px, stays.
func (c Context) coarse(dst []float32, p Picture, x, y int, r *rand.Rand) {
	least := min(max(c.Patch/3, 4), c.Patch)
	area := float64(least*least) + r.Float64()*float64(c.Patch*c.Patch-least*least)
	side := min(int(math.Sqrt(area)), maxCoarse)
	var scratch [3 * maxCoarse * maxCoarse]float32
	small := Picture{scratch[:3*side*side], side}
	p.Crop(small.Pix, side, x, y, c.Patch)
	small.Crop(dst, c.Tile, 0, 0, side)
}

// dropChannels keeps one random channel of a patch, less its mean, and fills the others with noise of half
// a grey level, as the released code does (the paper: Gaussian noise of a hundredth of the kept channel's
// deviation). The patch is then scaled to a root mean square of 50 grey levels, as there, so that contrast
// tells nothing; noise of a patch without any contrast is not scaled up to it.
func dropChannels(dst []float32, r *rand.Rand) {
	keep := r.IntN(3)
	mean, _ := moments(dst[keep:], 3)
	var squares float64
	for i := range dst {
		if i%3 == keep {
			dst[i] -= float32(mean)
		} else {
			dst[i] = float32((r.Float64() - 0.5) * grain)
		}
		squares += float64(dst[i]) * float64(dst[i])
	}
	scale := float32(50 * grain / max(math.Sqrt(squares/float64(len(dst))), grain))
	for i := range dst {
		dst[i] *= scale
	}
}

// project takes the axis from green to magenta out of a patch, the paper's other way: each pixel times
// B = I − aᵀa/(aaᵀ), a = (−1, 2, −1).
func project(dst []float32) {
	for ; len(dst) >= 3; dst = dst[3:] {
		s := (2*dst[1] - dst[0] - dst[2]) / 6
		dst[0], dst[1], dst[2] = dst[0]+s, dst[1]-2*s, dst[2]+s
	}
}
