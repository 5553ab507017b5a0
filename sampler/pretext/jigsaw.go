package pretext

import (
	"fmt"
	"math/rand/v2"

	"github.com/nearfar/nearfar/internal/seed"
)

// Jigsaw is the puzzle of Noroozi & Favaro 2016 (arXiv:1603.09246): nine tiles in one of a fixed set of
// orders, and the label says which. The paper jitters colour channels in space, which is done here; a PyTorch
// port that is often used instead (bbrattoli/JigsawPuzzlePytorch) scales their values and normalises the
// three together.
type Jigsaw struct {
	Tiles
	Set []Permutation // the classes
}

// NewJigsaw is the puzzle with a set of so many permutations; 24, 100 and 1000 are usual. The same seed
// gives the same classes.
func NewJigsaw(tiles Tiles, set int, s seed.Seed) (*Jigsaw, error) {
	if set < 2 || set > 10000 {
		return nil, fmt.Errorf("choosing %d permutations for a jigsaw: it needs 2 to 10000, usually 24, 100 or 1000", set)
	}
	if err := tiles.Check(); err != nil {
		return nil, err
	}
	return &Jigsaw{tiles, Permutations(set, s.At("permutations").Rand())}, nil
}

// Paint writes nine tiles, (9, Tile, Tile, 3): the k-th shows the cell Set[label][k].
func (j *Jigsaw) Paint(tiles, view []float32, r *rand.Rand) (label int32) {
	p := Picture{view[:3*j.Size*j.Size], j.Size}
	label = r.Int32N(int32(len(j.Set)))
	grayed := r.Float64() < j.Gray
	x, y := j.origin(r)
	for k, cell := range j.Set[label] {
		j.cut(tiles[k*j.len():(k+1)*j.len()], p, x, y, int(cell), grayed, r)
	}
	return label
}

// Solve puts the tiles of a puzzle where an answer says they belong, into dst, (9, Tile, Tile, 3) row by
// row: with the right answer the picture is whole.
func (j *Jigsaw) Solve(dst, tiles []float32, answer int32) {
	n := j.len()
	for k, cell := range j.Set[answer] {
		copy(dst[int(cell)*n:(int(cell)+1)*n], tiles[k*n:(k+1)*n])
	}
}
