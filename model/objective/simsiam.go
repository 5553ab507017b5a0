package objective

import (
	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// simsiam is the simple Siamese network (Chen & He 2021, arXiv:2011.10566): each view predicts the other, no
// gradient flows to what is predicted, and nothing else keeps the network from answering a constant.
type simsiam struct {
	pair
	z        model.Reading
	contrast loss.Contrast
}

func newSimSiam(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &simsiam{pair: newPair(c, n, w)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("views", 2*n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	z := g.Head(c.Name, embedding)
	p := g.Head(predictorOf(c), z)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("SimSiam", p, 1, func() (*G.Node, error) { return loss.SimSiam(p.Node(), z.Node(), &o.contrast) })
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

func (o *simsiam) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Rows = 2 * o.needs.Batch
	t.Chance = 1 / float32(t.Rows-1) // all rows but that of the same picture
	return t, err
}
