package objective

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// jigsaw asks in which permutation nine tiles of a frame lie (Noroozi & Favaro 2016, arXiv:1603.09246), or
// which two of eight cells two tiles are. All tiles pass the same encoder; a head sees them side by side.
type jigsaw struct {
	puzzle
	task  *pretext.Jigsaw // form tiles
	pair  pretext.Pair    // form pair
	tile  int             // px
	tiles int             // a question
	input []float32       // (rows·tiles, tile, tile, 3)
}

// jigsawTile is the side of a tile as the network sees it, px.
func jigsawTile(n Needs) int { return max(n.Model.MinImage(), n.Model.Image/4) }

// jigsawShape is how many tiles a question has, and how many answers there are.
func jigsawShape(c Config) (tiles, classes int) {
	if c.Form == "pair" {
		return 2, pretext.Pairs
	}
	return 9, c.Permutations
}

func jigsawHeads(c Config, n Needs) []model.Head {
	tiles, classes := jigsawShape(c)
	return []model.Head{{Name: c.Name, Kind: "mlp-norm", In: tiles * n.Model.Width(), Hidden: 2 * n.Model.Width(), Out: classes}}
}

// jigsawCut is how frames are cut into tiles.
func jigsawCut(c Config, n Needs) pretext.Tiles {
	cut := pretext.NewTiles(n.Model.Image, jigsawTile(n))
	if c.Touching {
		cut.Gap, cut.Normalise, cut.Shift = 0, false, 0
	}
	return cut
}

func newJigsaw(c Config, n Needs, w *model.Weights) (Objective, error) {
	tiles, classes := jigsawShape(c)
	rows := n.Batch
	o := &jigsaw{puzzle: newPuzzle(c, n, w, rows, rows, classes), tile: jigsawTile(n), tiles: tiles}
	cut := jigsawCut(c, n)
	var err error
	if c.Form == "pair" {
		o.pair, err = pretext.Pair{Tiles: cut}, cut.Check()
	} else {
		o.task, err = pretext.NewJigsaw(cut, c.Permutations, n.Seed)
	}
	if err != nil {
		return nil, err
	}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("tiles", rows*tiles, o.tile)
	_, embedding := g.Encode(x)
	o.input = input
	return o, o.classify(g, g.Head(c.Name, g.Together(embedding, tiles)))
}

func (o *jigsaw) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	px := 3 * o.tile * o.tile
	o.look(s, d, func(row int, view []float32, r *rand.Rand) {
		at := o.input[row*o.tiles*px : (row+1)*o.tiles*px]
		if o.task == nil {
			o.labels.Of[row] = o.pair.Paint(at[:px], at[px:], view, r)
		} else {
			o.labels.Of[row] = o.task.Paint(at, view, r)
		}
	})
	return true
}

func (o *jigsaw) Show(rows int) []Row {
	px, tile := o.pixels(), 3*o.tile*o.tile
	var out []Row
	for i := range min(rows, o.rows) {
		tiles := o.input[i*o.tiles*tile : (i+1)*o.tiles*tile]
		r := Row{Title: "which order is this?", Pictures: []Picture{{Pix: o.views[i*px : (i+1)*px], Size: o.size(), Caption: "the frame"}}}
		if o.task == nil {
			a, b := o.pair.Cells(o.labels.Of[i])
			say := func(label int) string {
				a, b := o.pair.Cells(int32(label))
				return fmt.Sprintf("cells %d and %d", a+1, b+1)
			}
			r.Title = "which cells are these? " + verdict(say(int(o.labels.Of[i])), say(max(0, o.guess(i))), o.ran, ", ")
			r.Pictures = append(r.Pictures, Picture{Pix: tiles[:tile], Size: o.tile, Caption: fmt.Sprint("cell ", a+1)},
				Picture{Pix: tiles[tile:], Size: o.tile, Caption: fmt.Sprint("cell ", b+1)})
		} else {
			r.Pictures = append(r.Pictures, mosaic(tiles, o.tile, "as it is shown"))
			if o.ran {
				solved := make([]float32, len(tiles))
				o.task.Solve(solved, tiles, int32(o.guess(i)))
				caption := "solved, wrong"
				if o.guess(i) == int(o.labels.Of[i]) {
					caption = "solved, right"
				}
				r.Pictures = append(r.Pictures, mosaic(solved, o.tile, caption))
			}
		}
		out = append(out, r)
	}
	return out
}

// mosaic lays nine tiles out as one picture, with white lines between them.
func mosaic(tiles []float32, tile int, caption string) Picture {
	const white = 2
	pitch := tile + max(1, tile/16)
	side := 2*pitch + tile
	out := slices.Repeat([]float32{white}, 3*side*side)
	for k := range 9 {
		for y := range tile {
			copy(out[3*((k/3*pitch+y)*side+k%3*pitch):][:3*tile], tiles[3*(k*tile*tile+y*tile):])
		}
	}
	return Picture{Pix: out, Size: side, Caption: caption}
}
