package pretext

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// plainTiles take nothing away, so that a coded picture still tells where a tile was.
func plainTiles(size, tile int) Tiles {
	t := NewTiles(size, tile)
	t.Gray, t.Normalise, t.Shift = 0, false, 0
	return t
}

// cellOf is the cell of the grid in which the tile of a coded picture lies.
func cellOf(tile []float32, size int) int {
	x, y := decode(tile, size)
	side := float64(size / 3)
	return int((x+0.5)/side) + 3*int((y+0.5)/side)
}

func TestJigsawLabelsNameTheOrder(t *testing.T) {
	for _, size := range []int{33, 64, 65, 128} {
		j, err := NewJigsaw(plainTiles(size, 12), 24, seed.New(1))
		if err != nil {
			t.Fatal(err)
		}
		view, r := coded(size), generator(5)
		tiles, solved := make([]float32, 9*j.len()), make([]float32, 9*j.len())
		seen := map[int32]int{}
		for range 600 {
			label := j.Paint(tiles, view.Pix, r)
			seen[label]++
			for k, want := range j.Set[label] {
				if got := cellOf(tiles[k*j.len():(k+1)*j.len()], size); got != int(want) {
					t.Fatalf("size %d, label %d: tile %d shows cell %d instead of %d", size, label, k, got, want)
				}
			}
			j.Solve(solved, tiles, label)
			for cell := range 9 {
				if got := cellOf(solved[cell*j.len():(cell+1)*j.len()], size); got != cell {
					t.Fatalf("size %d, label %d: solved, place %d shows cell %d", size, label, cell, got)
				}
			}
		}
		if len(seen) != 24 {
			t.Errorf("size %d: %d of 24 labels came", size, len(seen))
		}
	}
}

func TestPairLabelsNameBothCells(t *testing.T) {
	pair := Pair{plainTiles(64, 10)}
	view, r := coded(64), generator(6)
	first, second := make([]float32, pair.len()), make([]float32, pair.len())
	outer := []int{0, 1, 2, 3, 5, 6, 7, 8}
	seen := map[int32]int{}
	for range 3000 {
		label := pair.Paint(first, second, view.Pix, r)
		seen[label]++
		i, j := slices.Index(outer, cellOf(first, 64)), slices.Index(outer, cellOf(second, 64))
		if i < 0 || j < 0 || int32(8*i+j) != label {
			t.Fatalf("label %d: cells number %d and %d", label, i, j)
		}
		if a, b := pair.Cells(label); a != outer[i] || b != outer[j] {
			t.Fatalf("label %d names cells %d and %d instead of %d and %d", label, a, b, outer[i], outer[j])
		}
	}
	if len(seen) != Pairs {
		t.Errorf("%d of %d labels came", len(seen), Pairs)
	}
}

func TestTilesLieAnywhereInTheirCell(t *testing.T) {
	tiles := plainTiles(63, 16)
	if tiles.Gap != 5 {
		t.Fatalf("gap %d px of a cell of 21", tiles.Gap)
	}
	for _, gap := range []int{0, 5} {
		tiles.Gap = gap
		view, r, dst := coded(63), generator(7), make([]float32, tiles.len())
		seen := map[[2]int]bool{}
		for range 2000 {
			tiles.cut(dst, view, 0, 0, 4, false, r)
			x, y := decode(dst, 63)
			half := float64(21-gap-1) / 2
			at := [2]int{int(math.Round(x - half - 21)), int(math.Round(y - half - 21))}
			if at[0] < 0 || at[0] > gap || at[1] < 0 || at[1] > gap {
				t.Fatalf("gap %d: the tile lies at %v of its cell", gap, at)
			}
			seen[at] = true
		}
		if len(seen) != (gap+1)*(gap+1) {
			t.Errorf("gap %d: tiles lie at %d places of %d", gap, len(seen), (gap+1)*(gap+1))
		}
	}
}

func TestNormalisedTilesTellNothingOfBrightness(t *testing.T) {
	tiles := NewTiles(64, 20)
	view, r, dst := noise(64, 8), generator(8), make([]float32, tiles.len())
	for n := range 100 {
		grayed := n%2 == 0
		tiles.cut(dst, view, 0, 0, n%9, grayed, r)
		for c := range 3 {
			if mean, std := moments(dst[c:], 3); !near(mean, 0, 1e-5) || !near(std, 1, 1e-4) {
				t.Fatalf("channel %d has mean %v and deviation %v", c, mean, std)
			}
		}
		alike := true
		for i := 0; i < len(dst); i += 3 {
			alike = alike && dst[i] == dst[i+1] && dst[i] == dst[i+2]
		}
		if alike != grayed {
			t.Errorf("gray is %v instead of %v", alike, grayed)
		}
	}
	flat := make([]float32, tiles.len())
	tiles.finish(flat, false, r)
	for _, x := range flat {
		if x != 0 {
			t.Fatalf("a flat tile became %v", x)
		}
	}
}

func TestShiftMovesOneChannelAndRepeatsItsEdge(t *testing.T) {
	const size = 7
	for dy := -3; dy <= 3; dy++ {
		for dx := -3; dx <= 3; dx++ {
			for c := range 3 {
				p, q := noise(size, 9), noise(size, 9)
				shift(q.Pix, size, c, dx, dy)
				for y := range size {
					for x := range size {
						for k := range 3 {
							want := p.at(x, y)[k]
							if k == c {
								want = p.at(min(max(x-dx, 0), size-1), min(max(y-dy, 0), size-1))[k]
							}
							if got := q.at(x, y)[k]; got != want {
								t.Fatalf("%+d,%+d of channel %d: channel %d of %d,%d is %v instead of %v", dx, dy, c, k, x, y, got, want)
							}
						}
					}
				}
			}
		}
	}
}

func TestJigsawRefusesWhatDoesNotFit(t *testing.T) {
	good := NewTiles(64, 32)
	for want, check := range map[string]func() error{
		"it needs 2 to 10000":  func() error { _, err := NewJigsaw(good, 1, seed.New(1)); return err },
		"so it must be 0 to":   func() error { bad := good; bad.Gap = 20; return bad.Check() },
		"gray must be a share": func() error { bad := good; bad.Gray = -1; return bad.Check() },
		"cannot be shifted":    func() error { bad := good; bad.Shift = 32; return bad.Check() },
		"tiles must be":        func() error { bad := good; bad.Size = 5; return bad.Check() },
	} {
		if err := check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}
