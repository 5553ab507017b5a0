package objective

import (
	"fmt"
	"math/rand/v2"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// rotation asks by how many quarters a frame was turned (Gidaris et al. 2018, arXiv:1803.07728). All four
// copies of a frame are in the batch.
type rotation struct {
	puzzle
	input []float32 // (4·rows, S, S, 3)
}

func rotationHeads(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "linear", Out: pretext.Quarters}}
}

func newRotation(c Config, n Needs, w *model.Weights) (Objective, error) {
	rows := max(1, n.Batch/pretext.Quarters)
	o := &rotation{puzzle: newPuzzle(c, n, w, rows, rows*pretext.Quarters, pretext.Quarters)}
	for i := range o.labels.Of {
		o.labels.Of[i] = int32(i % pretext.Quarters)
	}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("turned", rows*pretext.Quarters, n.Model.Image)
	_, embedding := g.Encode(x)
	o.input = input
	return o, o.classify(g, g.Head(c.Name, embedding))
}

func (o *rotation) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	px := o.pixels()
	o.look(s, d, func(row int, view []float32, _ *rand.Rand) {
		for q := range pretext.Quarters {
			at := (row*pretext.Quarters + q) * px
			pretext.Rotate(o.input[at:at+px], view, o.size(), q)
		}
	})
	return true
}

func (o *rotation) Show(rows int) []Row {
	var out []Row
	px := o.pixels()
	for row := range min(rows, o.rows) {
		r := Row{Title: "by how much was it turned?"}
		for q := range pretext.Quarters {
			i := row*pretext.Quarters + q
			r.Pictures = append(r.Pictures, Picture{Pix: o.input[i*px : (i+1)*px], Size: o.size(),
				Caption: verdict(turned(q), turned(o.guess(i)), o.ran, "\n")})
		}
		out = append(out, r)
	}
	return out
}

func turned(quarter int) string { return fmt.Sprintf("%d°", 90*quarter) }
