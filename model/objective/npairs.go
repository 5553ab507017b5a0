package objective

import (
	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// npairs is the multi-class N-pair loss (Sohn 2016), with which time-contrastive networks converge best: each
// anchor tells its positive from the positives of the other anchors. Embeddings keep their length, which a
// penalty holds in check.
type npairs struct {
	pair
	z        model.Reading
	mask     loss.Pairs
	contrast loss.Contrast
}

// shrink is the weight of the embeddings' squared length, that of TCN's code.
const shrink = 0.002

func newNPairs(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &npairs{pair: newPair(c, n, w)}
	o.mask.Ignored = make([]bool, n.Batch*n.Batch)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("views", 2*n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	z := g.Head(c.Name, embedding)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("N-pairs", z, 1, func() (*G.Node, error) { return loss.NPairs(z.Node(), &o.mask, shrink, &o.contrast) })
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

func (o *npairs) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	n := o.needs.Batch
	for i := range n {
		for j := range n {
			o.mask.Ignored[i*n+j] = i != j && o.relation(i, n+j) >= 0
		}
	}
	cost, err := o.run(step, add)
	return o.contrasted(cost, o.contrast, o.z.Data()), err
}
