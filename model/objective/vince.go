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

// vince is video noise-contrastive estimation (Gordon et al. 2020, arXiv:2003.07990): several frames of a
// scene are positives of each other, all pairs among them; for each pair the scene's other frames are left
// out of the denominator. Keys come from a momentum encoder and a bank.
type vince struct {
	common
	*keys
	key       *follower
	input     []float32
	query     model.Reading
	scenes    int
	frames    []*frame.Frame // scenes × cfg.Frames
	positives loss.Positives
	contrast  loss.Contrast
}

func newVINCE(c Config, n Needs, w *model.Weights) (Objective, error) {
	scenes := max(1, n.Batch/c.Frames)
	rows := scenes * c.Frames
	o := &vince{common: common{cfg: c, needs: n, weights: w}, keys: newKeys(n, c), scenes: scenes, frames: make([]*frame.Frame, rows)}
	o.positives.Keys = make([]float32, rows*n.Projection)
	o.positives.Row = append(o.positives.Row, 0)
	for row := range rows { // the keys of its scene, its own other view among them
		for k := range c.Frames {
			o.positives.Slot = append(o.positives.Slot, int32(row/c.Frames*c.Frames+k))
		}
		o.positives.Row = append(o.positives.Row, int32(len(o.positives.Slot)))
	}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("queries", rows, n.Model.Image)
	_, embedding := g.Encode(x)
	q := g.Unit(g.Head(c.Name, embedding))
	o.input, o.query = input, g.Read(q)
	cost := g.Add("VINCE", q, 1, func() (*G.Node, error) {
		return loss.VINCE(q.Node(), &o.positives, &o.negatives, float32(c.Temperature), &o.contrast)
	})
	var err error
	if o.training, err = g.Training(cost); err != nil {
		return nil, err
	}
	o.key, err = o.follow(rows, c.Name, true)
	return o, err
}

func (o *vince) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	k := o.cfg.Frames
	for scene := range o.scenes {
		near := s.Several(d, o.spread(scene, o.scenes), k, o.use("scene"))
		for i := range k { // a short scene is filled up with further looks at its frames
			o.frames[scene*k+i] = near[i%len(near)]
		}
	}
	s.Paint(o.input, o.frames, o.size(), d, o.use("query"))
	s.Paint(o.key.input, o.frames, o.size(), d, o.use("key"))
	return true
}

func (o *vince) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	fresh, err := o.key.look(o.weights)
	if err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	copy(o.positives.Keys, fresh)
	o.gather(o.frames, step)
	cost, err := o.run(step, add)
	o.hold(o.positives.Keys, o.frames, step)
	t := o.contrasted(cost, o.contrast, o.query.Data())
	t.Rows, t.Chance = len(o.frames), o.chance()
	return t, err
}

func (o *vince) Settle(uint64) { o.settle() }

func (o *vince) State() []Part { return []Part{o.key.part(), o.part()} }

func (o *vince) Show(rows int) []Row {
	k, px := o.cfg.Frames, o.pixels()
	var out []Row
	for scene := range min(rows, o.scenes) {
		r := Row{Title: "frames of one scene, all positives of each other"}
		for i := range k {
			at := (scene*k + i) * px
			r.Pictures = append(r.Pictures, Picture{Pix: o.input[at : at+px], Size: o.size(), Caption: between(o.frames[scene*k], o.frames[scene*k+i])})
		}
		out = append(out, r)
	}
	return out
}

func (o *vince) Close() error { return errors.Join(o.common.Close(), o.key.forward.Close()) }
