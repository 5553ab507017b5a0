package objective

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/streams/frame"
)

// scl is the sequence contrastive loss (Chen et al. 2022, arXiv:2203.14957): frames of one recording are to be as alike
// as they are near in time. It knows no hard border between near and far, as triplets do, and so what it learns
// changes smoothly along a recording. The paper's two views are two crops of one clip; here they are a frame and one of
// its positives, another camera's picture of the instant among them. As in the paper, frames of different recordings
// (rigs) are not compared: their backgrounds would tell them apart.
type scl struct {
	pair
	z        model.Reading
	near     loss.Nearness
	contrast loss.Contrast
}

func newSCL(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &scl{pair: newPair(c, n, w)}
	o.near.Of = make([]float32, n.Batch*n.Batch)
	g := model.NewGraph(w, kernel.Train)
	input, z := views(g, c.Name, n)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("SCL", z, 1, func() (*G.Node, error) { return loss.SCL(z.Node(), &o.near, float32(c.Temperature), &o.contrast) })
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

func (o *scl) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	n := o.needs.Batch
	chance := 0.0
	for i := range n {
		row := o.near.Of[i*n : (i+1)*n]
		positives, compared := 0, 0
		for j := range n {
			row[j] = o.nearness(o.frames[i], o.frames[n+j])
			if i == j {
				row[j] = 1
			}
			if row[j] > 0.5 {
				positives++
			}
			if row[j] >= 0 {
				compared++
			}
		}
		chance += float64(positives) / float64(compared) / float64(n)
	}
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Chance = float32(chance)
	return t, err
}

// nearness of two frames: a Gaussian of the time between them, −1 for frames of different rigs.
func (o *scl) nearness(a, b *frame.Frame) float32 {
	if a.Rig != b.Rig {
		return -1
	}
	gap := b.Captured.Sub(a.Captured).Seconds() / o.cfg.Sigma.Seconds()
	return float32(math.Exp(-gap * gap / 2))
}
