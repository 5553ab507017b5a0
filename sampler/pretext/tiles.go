package pretext

import (
	"fmt"
	"math/rand/v2"
)

// Tiles says how the cells of a 3×3 grid over a view become tiles, for Jigsaw and Pair.
type Tiles struct {
	Size int // side of the view, px
	Tile int // side of a tile as the network sees it, px: tiles are resized to it

	// Gap is how much smaller than its cell a tile is, px of the view; it lies anywhere in it, so tiles of
	// neighbouring cells are 0 to 2·Gap apart. With 0 a tile is its cell, and edges that run on solve the
	// puzzle.
	Gap int

	Gray      float64 // share of samples that are gray: without colour, no fringe of colour
	Normalise bool    // each tile to mean 0 and deviation 1 per channel, so that brightness running over the picture tells nothing
	Shift     int     // each channel of each tile is moved by up to so much, px of the tile, against chromatic aberration
}

// NewTiles cuts views of size px in the proportions of VISSL's 64 px tile in a cell of 85: three quarters
// of the cell. Normalisation is on: leaving it out cost the paper most. The paper moves channels by up to 2
// px of 64, here in proportion to the tile, and trains on 30 % gray pictures (VISSL: 66 %).
func NewTiles(size, tile int) Tiles {
	return Tiles{Size: size, Tile: tile, Gap: (size/3 + 2) / 4, Gray: 0.3, Normalise: true, Shift: (2*tile + 32) / 64}
}

// Check says what cannot be painted.
func (t Tiles) Check() error {
	switch {
	case t.Size < 6 || t.Size > maxSide || t.Tile < 1 || t.Tile > maxSide:
		return fmt.Errorf("painting tiles of %d px from views of %d px: tiles must be 1 to %d px and views 6 to %d px", t.Tile, t.Size, maxSide, maxSide)
	case t.Gap < 0 || t.cell()-t.Gap < 2:
		return fmt.Errorf("painting tiles with gap %d: cells have %d px, so it must be 0 to %d", t.Gap, t.cell(), t.cell()-2)
	case !(t.Gray >= 0 && t.Gray <= 1):
		return fmt.Errorf("painting tiles: gray must be a share from 0 to 1, not %v", t.Gray)
	case t.Shift < 0 || t.Shift >= t.Tile:
		return fmt.Errorf("painting tiles of %d px: channels cannot be shifted by %d px", t.Tile, t.Shift)
	}
	return nil
}

// cell is the side of a cell, px of the view.
func (t Tiles) cell() int { return t.Size / 3 }

// len is how many numbers a tile has.
func (t Tiles) len() int { return 3 * t.Tile * t.Tile }

// cut writes the tile of a cell, 0 to 8 row by row, of the grid that begins at (x, y).
func (t Tiles) cut(dst []float32, p Picture, x, y, cell int, gray bool, r *rand.Rand) {
	dst = dst[:t.len()]
	side := t.cell()
	x += cell%3*side + r.IntN(t.Gap+1)
	y += cell/3*side + r.IntN(t.Gap+1)
	p.Crop(dst, t.Tile, x, y, side-t.Gap)
	t.finish(dst, gray, r)
}

// finish takes shortcuts away from a tile. Shifting a gray tile would colour its edges, so it is left
// alone, as in the paper.
func (t Tiles) finish(dst []float32, grayed bool, r *rand.Rand) {
	if grayed {
		gray(dst)
	} else if t.Shift > 0 {
		for c := range 3 {
			shift(dst, t.Tile, c, r.IntN(2*t.Shift+1)-t.Shift, r.IntN(2*t.Shift+1)-t.Shift)
		}
	}
	if t.Normalise {
		for c := range 3 {
			normalise(dst[c:])
		}
	}
}

// origin is where the grid begins: three cells leave up to 2 px of a view.
func (t Tiles) origin(r *rand.Rand) (x, y int) {
	room := t.Size - 3*t.cell() + 1
	return r.IntN(room), r.IntN(room)
}

// shift moves one channel of a size×size picture by (dx, dy) px in place; its edge fills what it leaves.
func shift(pix []float32, size, c, dx, dy int) {
	// Pixels that are still needed lie on the side that comes later.
	for i := range size {
		y := i
		if dy > 0 {
			y = size - 1 - i
		}
		from := min(max(y-dy, 0), size-1)
		for j := range size {
			x := j
			if dx > 0 {
				x = size - 1 - j
			}
			pix[3*(y*size+x)+c] = pix[3*(from*size+min(max(x-dx, 0), size-1))+c]
		}
	}
}

// normalise gives every third number mean 0 and deviation 1. What hardly differs, by less than a grey
// level, is noise and stays small.
func normalise(pix []float32) {
	mean, std := moments(pix, 3)
	scale := 1 / max(std, grain)
	for i := 0; i < len(pix); i += 3 {
		pix[i] = float32((float64(pix[i]) - mean) * scale)
	}
}
