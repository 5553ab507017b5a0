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

// simclr is the simple framework of Chen et al. 2020 (arXiv:2002.05709): two views of each frame, or of
// frames that are near, find each other among all views of the batch. With accumulate the effective batch
// is made of several, by embedding cache (GradCache, Gao et al. 2021, arXiv:2101.06983): all views are
// embedded first, the loss gives the slope of each embedding, and each part is run again with its slopes.
// Norms see one part at a time; with group norm the gradient is that of the whole batch.
type simclr struct {
	common
	parts  int
	images []float32 // parts × (2N, S, S, 3): the two views of each part
	input  []float32 // of both graphs, (2N, S, S, 3)
	z      model.Reading

	look     *model.Forward // first pass, where there are several parts
	looking  []float32
	first    model.Reading
	all      []float32   // (2·parts·N, d): all first views, then all second ones
	slopes   []float32   // ∂L/∂all
	slope    []float32   // of the part that is run
	gradient [][]float32 // summed over the parts

	contrast loss.Contrast
}

func newSimCLR(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &simclr{common: common{cfg: c, needs: n, weights: w}, parts: c.Accumulate}
	o.images = make([]float32, o.parts*2*n.Batch*o.pixels())
	g := model.NewGraph(w, kernel.Train)
	input, z := views(g, c.Name, n)
	o.input, o.z = input, g.Read(z)
	var cost model.Tap
	if o.parts == 1 {
		cost = g.Add("NT-Xent", z, 1, func() (*G.Node, error) {
			return loss.NTXent(z.Node(), float32(c.Temperature), &o.contrast)
		})
	} else {
		o.slope = make([]float32, 2*n.Batch*n.Projection)
		cost = g.Add("cached", z, 1, func() (*G.Node, error) { return loss.Cached(z.Node(), o.slope) })
	}
	var err error
	if o.training, err = g.Training(cost); err != nil || o.parts == 1 {
		return o, err
	}
	o.all, o.slopes = make([]float32, o.parts*2*n.Batch*n.Projection), make([]float32, o.parts*2*n.Batch*n.Projection)
	o.gradient = make([][]float32, len(w.Params))
	first := model.NewGraph(w, kernel.TrainFrozen) // the second pass moves the running statistics
	o.looking, z = views(first, c.Name, n)
	o.first = first.Read(z)
	o.look, err = first.Forward()
	return o, err
}

// views is the graph of two views a row: pictures (2N, S, S, 3) to unit projections (2N, d).
func views(g *model.Graph, head string, n Needs) (input []float32, z model.Tap) {
	input, x := g.Images("views", 2*n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	return input, g.Unit(g.Head(head, embedding))
}

func (o *simclr) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	n, px := o.needs.Batch, o.pixels()
	partners := o.partners(d, o.parts*n)
	for p := range o.parts {
		at := o.images[p*2*n*px:]
		s.Paint(at[:n*px], d.Anchor[p*n:(p+1)*n], o.size(), d, o.use(fmt.Sprint("first", p)))
		s.Paint(at[n*px:2*n*px], partners[p*n:(p+1)*n], o.size(), d, o.use(fmt.Sprint("second", p)))
	}
	return true
}

func (o *simclr) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	if o.parts == 1 {
		copy(o.input, o.images)
		cost, err := o.run(step, add)
		return o.finish(cost), err
	}
	if err := o.embedAll(); err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	n, d := o.needs.Batch, o.needs.Projection
	cost := loss.NTXentValue(o.all, o.parts*n, d, float32(o.cfg.Temperature), o.slopes, &o.contrast)
	for _, g := range o.gradient {
		clear(g)
	}
	for p := range o.parts {
		copy(o.input, o.images[p*len(o.input):])
		copy(o.slope[:n*d], o.slopes[p*n*d:])
		copy(o.slope[n*d:], o.slopes[(o.parts+p)*n*d:(o.parts+p+1)*n*d])
		if _, err := o.run(step, o.sum); err != nil {
			return Told{}, err
		}
	}
	for i, g := range o.gradient {
		if g != nil {
			add(i, g)
		}
	}
	return o.finish(cost), nil
}

// embedAll is the first pass: every view of every part.
func (o *simclr) embedAll() error {
	n, d := o.needs.Batch, o.needs.Projection
	for p := range o.parts {
		copy(o.looking, o.images[p*len(o.looking):])
		if err := o.look.Run(); err != nil {
			return err
		}
		z := o.first.Data()
		copy(o.all[p*n*d:], z[:n*d])
		copy(o.all[(o.parts+p)*n*d:], z[n*d:])
	}
	return nil
}

// sum adds a part's gradient.
func (o *simclr) sum(param int, grad []float32) {
	if o.gradient[param] == nil {
		o.gradient[param] = make([]float32, len(grad))
	}
	kernel.Axpy(o.gradient[param], grad, 1)
}

func (o *simclr) finish(cost float32) Told {
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Rows = 2 * o.parts * o.needs.Batch
	return t
}

func (o *simclr) Show(rows int) []Row {
	half := o.needs.Batch * o.pixels()
	partners := o.partners(o.drawn, o.needs.Batch)
	return o.show(rows, func(i int) string { return between(o.drawn.Anchor[i], partners[i]) },
		column{"first view", o.images[:half]}, column{"second view", o.images[half : 2*half]})
}

func (o *simclr) Close() error {
	if o.look == nil {
		return o.common.Close()
	}
	return errors.Join(o.common.Close(), o.look.Close())
}
