package objective

import (
	"errors"
	"fmt"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"

	G "gorgonia.org/gorgonia"
)

// moco is momentum contrast (He et al. 2020, arXiv:1911.05722; v2 with its MLP head, Chen et al. 2020,
// arXiv:2003.04297): a query tells the key of its positive, seen by a slowly following encoder, from the
// keys in the bank. With decay below 1 it is VideoMoCo's (Pan et al. 2021, arXiv:2103.05905).
type moco struct {
	common
	*keys
	key       *follower
	input     []float32
	positives []float32 // (N, d)
	query     model.Reading
	contrast  loss.Contrast
}

func newMoCo(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &moco{common: common{cfg: c, needs: n, weights: w}, keys: newKeys(n, c), positives: make([]float32, n.Batch*n.Projection)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("queries", n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	q := g.Unit(g.Head(c.Name, embedding))
	o.input, o.query = input, g.Read(q)
	cost := g.Add("InfoNCE", q, 1, func() (*G.Node, error) {
		return loss.InfoNCE(q.Node(), o.positives, &o.negatives, float32(c.Temperature), &o.contrast)
	})
	var err error
	if o.training, err = g.Training(cost); err != nil {
		return nil, err
	}
	o.key, err = o.follow(n.Batch, c.Name, true)
	return o, err
}

func (o *moco) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	s.Paint(o.input, o.anchors(d), o.size(), d, o.use("query"))
	s.Paint(o.key.input, o.partners(d, o.needs.Batch), o.size(), d, o.use("key"))
	return true
}

func (o *moco) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	keys, err := o.key.look(o.weights)
	if err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	copy(o.positives, keys)
	o.gather(o.anchors(o.drawn), step)
	cost, err := o.run(step, add)
	o.hold(o.positives, o.partners(o.drawn, o.needs.Batch), step)
	t := o.contrasted(cost, o.contrast, o.query.Data())
	t.Chance = o.chance()
	return t, err
}

func (o *moco) Settle(uint64) { o.settle() }

func (o *moco) State() []Part { return []Part{o.key.part(), o.part()} }

func (o *moco) Show(rows int) []Row {
	return o.showKeys(rows, o.input, o.key.input)
}

func (o *moco) Close() error { return errors.Join(o.common.Close(), o.key.forward.Close()) }
