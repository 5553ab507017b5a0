package objective

import (
	"errors"
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// predict asks for the embedding of a frame to come, given the frames before it: the target is what a
// momentum encoder makes of it, as BYOL's (Grill et al. 2020, arXiv:2006.07733), so that nothing needs to
// be pushed apart and the future need not be painted.
type predict struct {
	film
	input    []float32      // (clips·past, S, S, 3)
	past     int            // frames that are given
	given    []*frame.Frame // clips·past
	next     []*frame.Frame // clips
	target   *follower
	targets  []float32 // (clips, d)
	p        model.Reading
	contrast loss.Contrast
}

func predictHeads(c Config, n Needs) []model.Head {
	past := c.Frames - c.Ahead
	return []model.Head{
		{Name: c.Name, Kind: "mlp-norm", Hidden: n.Hidden, Out: n.Projection},
		{Name: predictorOf(c), Kind: "mlp-norm", In: past * n.Projection, Hidden: n.Model.Width(), Out: n.Projection},
	}
}

func newPredict(c Config, n Needs, w *model.Weights) (Objective, error) {
	past := c.Frames - c.Ahead
	o := &predict{film: newFilm(c, n, w, past, 1), past: past}
	o.given, o.next = make([]*frame.Frame, o.clips*past), make([]*frame.Frame, o.clips)
	o.targets = make([]float32, o.clips*n.Projection)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("past", o.clips*past, n.Model.Image)
	_, embedding := g.Encode(x)
	p := g.Head(predictorOf(c), g.Together(g.Head(c.Name, embedding), past))
	o.input, o.p = input, g.Read(p)
	cost := g.Add("prediction", p, 1, func() (*G.Node, error) { return loss.NextEmbedding(p.Node(), o.targets, &o.contrast) })
	var err error
	if o.training, err = g.Training(cost); err != nil {
		return nil, err
	}
	o.target, err = o.follow(o.clips, c.Name, false)
	return o, err
}

func (o *predict) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	if !o.draw(s, d) {
		return false
	}
	for i := range o.clips {
		clip := o.clip(i)
		copy(o.given[i*o.past:], clip[:o.past])
		o.next[i] = clip[len(clip)-1]
	}
	s.Paint(o.input, o.given, o.size(), d, o.use("past"))
	s.Paint(o.target.input, o.next, o.size(), d, o.use("next"))
	return true
}

func (o *predict) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	seen, err := o.target.look(o.weights)
	if err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	copy(o.targets, seen)
	cost, err := o.run(step, add)
	o.ran = err == nil
	t := o.contrasted(cost, o.contrast, o.p.Data())
	t.Rows, t.Chance = o.clips, 1/float32(o.clips)
	return t, err
}

func (o *predict) State() []Part { return []Part{o.target.part()} }

func (o *predict) Show(rows int) []Row {
	out := o.strips(rows, o.past, o.input, o.given, func(int) string { return "what comes next?" })
	px := o.pixels()
	for i := range out {
		out[i].Pictures = append(out[i].Pictures, Picture{Pix: o.target.input[i*px : (i+1)*px], Size: o.size(), Caption: "to predict: " + o.when(i, o.next[i])})
	}
	return out
}

func (o *predict) Close() error { return errors.Join(o.common.Close(), o.target.forward.Close()) }
