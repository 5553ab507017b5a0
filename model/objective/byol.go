package objective

import (
	"errors"
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
)

// byol is bootstrap your own latent (Grill et al. 2020, arXiv:2006.07733): from one view the network predicts
// what its slow copy makes of the other view, both ways round.
type byol struct {
	pair
	target   *follower
	targets  []float32 // (2N, d): what each row is to predict
	z        model.Reading
	contrast loss.Contrast
}

// predictorOf is the name of an objective's predictor.
func predictorOf(c Config) string { return c.Name + "-predictor" }

// predictors are a projector and a predictor on top of it, both with a norm inside.
func predictors(c Config, n Needs) []model.Head {
	return []model.Head{
		{Name: c.Name, Kind: "mlp-norm", Hidden: n.Hidden, Out: n.Projection},
		{Name: predictorOf(c), Kind: "mlp-norm", In: n.Projection, Hidden: n.Hidden, Out: n.Projection},
	}
}

func newBYOL(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &byol{pair: newPair(c, n, w), targets: make([]float32, 2*n.Batch*n.Projection)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("views", 2*n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	z := g.Head(c.Name, embedding)
	p := g.Head(predictorOf(c), z)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("BYOL", p, 1, func() (*G.Node, error) { return loss.BYOL(p.Node(), o.targets, &o.contrast) })
	var err error
	if o.training, err = g.Training(cost); err != nil {
		return nil, err
	}
	o.target, err = o.follow(2*n.Batch, c.Name, false)
	return o, err
}

func (o *byol) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	ok := o.pair.Paint(s, d)
	copy(o.target.input, o.input)
	return ok
}

func (o *byol) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	seen, err := o.target.look(o.weights)
	if err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	half := len(seen) / 2 // each view predicts the other
	copy(o.targets[:half], seen[half:])
	copy(o.targets[half:], seen[:half])
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Rows = 2 * o.needs.Batch
	t.Chance = 1 / float32(t.Rows-1) // all rows but that of the same picture
	return t, err
}

func (o *byol) State() []Part { return []Part{o.target.part()} }

func (o *byol) Close() error { return errors.Join(o.common.Close(), o.target.forward.Close()) }
