package pretext

import "math/rand/v2"

// Pair is the jigsaw's simplest form: two tiles, each from one of the eight outer cells of a 3×3 grid, and
// the label names both: 8·i + j for the i-th and the j-th cell, row by row without the middle, 64 classes.
// They may be the same cell, cut anew.
type Pair struct{ Tiles }

// Pairs is the number of classes of the pair task.
const Pairs = 64

// Cells are the two cells of the 3×3 grid, 0 to 8 row by row, that a label names.
func (Pair) Cells(label int32) (first, second int) {
	return outer(int(label) / 8), outer(int(label) % 8)
}

// outer is the i-th cell without the middle.
func outer(i int) int {
	if i >= 4 {
		return i + 1
	}
	return i
}

// Paint writes the two tiles, Tile×Tile×3 each, and says which cells they show.
func (t Pair) Paint(first, second, view []float32, r *rand.Rand) (label int32) {
	p := Picture{view[:3*t.Size*t.Size], t.Size}
	label = r.Int32N(Pairs)
	a, b := t.Cells(label)
	grayed := r.Float64() < t.Gray
	x, y := t.origin(r)
	t.cut(first, p, x, y, a, grayed, r)
	t.cut(second, p, x, y, b, grayed, r)
	return label
}
