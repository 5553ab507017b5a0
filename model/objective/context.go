package objective

import (
	"math/rand/v2"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// context asks where a patch of a frame lies beside another (Doersch et al. 2015, arXiv:1505.05192). Both
// pass the same encoder; a head sees them side by side.
type context struct {
	puzzle
	task  pretext.Context
	input []float32 // (2·rows, tile, tile, 3): first and second patch in turn
}

// contextTile is the side of a patch as the network sees it, px.
func contextTile(n Needs) int { return max(n.Model.MinImage(), n.Model.Image/2) }

func contextHeads(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "mlp-norm", In: 2 * n.Model.Width(), Hidden: n.Model.Width(), Out: pretext.Neighbours}}
}

// contextTask is the task of a config.
func contextTask(c Config, n Needs) pretext.Context {
	t := pretext.NewContext(n.Model.Image, contextTile(n))
	t.Aberration = c.Aberration
	if c.Touching {
		t.Gap, t.Jitter = 0, 0
	}
	return t
}

func newContext(c Config, n Needs, w *model.Weights) (Objective, error) {
	rows := n.Batch
	o := &context{puzzle: newPuzzle(c, n, w, rows, rows, pretext.Neighbours), task: contextTask(c, n)}
	if err := o.task.Check(); err != nil {
		return nil, err
	}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("patches", 2*rows, o.task.Tile)
	_, embedding := g.Encode(x)
	o.input = input
	return o, o.classify(g, g.Head(c.Name, g.Together(embedding, 2)))
}

func (o *context) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	px := 3 * o.task.Tile * o.task.Tile
	o.look(s, d, func(row int, view []float32, r *rand.Rand) {
		at := o.input[2*row*px : 2*(row+1)*px]
		o.labels.Of[row] = o.task.Paint(at[:px], at[px:], view, r)
	})
	return true
}

// compass are the eight places around a patch.
var compass = [pretext.Neighbours]string{"above left", "above", "above right", "left", "right", "below left", "below", "below right"}

func (o *context) Show(rows int) []Row {
	px, tile := o.pixels(), 3*o.task.Tile*o.task.Tile
	var out []Row
	for i := range min(rows, o.rows) {
		first, second := o.input[2*i*tile:(2*i+1)*tile], o.input[(2*i+1)*tile:(2*i+2)*tile]
		r := Row{Title: "where does the second patch lie beside the first?", Pictures: []Picture{
			{Pix: o.views[i*px : (i+1)*px], Size: o.size(), Caption: "the frame"},
			{Pix: first, Size: o.task.Tile, Caption: "first"}, {Pix: second, Size: o.task.Tile, Caption: "second"},
			o.placed(first, second, o.labels.Of[i], compass[o.labels.Of[i]]),
		}}
		if o.ran {
			guess, caption := o.guess(i), "answered right"
			if int32(guess) != o.labels.Of[i] {
				caption = "answered " + compass[guess]
			}
			r.Pictures = append(r.Pictures, o.placed(first, second, int32(guess), caption))
		}
		out = append(out, r)
	}
	return out
}

// placed is the second patch where a label says it lies beside the first.
func (o *context) placed(first, second []float32, label int32, caption string) Picture {
	n := o.task.Tile * o.task.Tile * 3
	cells := make([]float32, 9*n)
	column, row := pretext.Neighbour(label)
	copy(cells[4*n:5*n], first)
	copy(cells[(3*(row+1)+column+1)*n:], second)
	return mosaic(cells, o.task.Tile, caption)
}
