package objective

import (
	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// vicreg is variance-invariance-covariance regularisation (Bardes et al. 2022, arXiv:2105.04906): the two
// views agree, every dimension varies over the batch, and no two dimensions say the same. Nothing is
// pushed apart, so nothing near can be a false negative.
type vicreg struct {
	pair
	z        model.Reading
	contrast loss.Contrast
}

// expander is VICReg's head of three layers.
func expander(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "expander", Hidden: n.Hidden, Out: n.Projection}}
}

func newVICReg(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &vicreg{pair: newPair(c, n, w)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("views", 2*n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	z := g.Head(c.Name, embedding)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("VICReg", z, 1, func() (*G.Node, error) {
		return loss.VICReg(z.Node(), loss.VICRegWeights{Invariance: 25, Variance: 25, Covariance: 1}, &o.contrast)
	})
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

func (o *vicreg) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Chance = 1 / float32(t.Rows)
	return t, err
}
