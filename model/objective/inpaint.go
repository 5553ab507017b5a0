package objective

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// inpaint asks what was in the hole of a frame (context encoders, Pathak et al. 2016, arXiv:1604.07379):
// the encoder's map is decoded to a picture, and the loss is the squared distance in the hole alone. With
// adversarial above 0 a discriminator learns to tell filled pictures from real ones, and the decoder to
// fool it.
type inpaint struct {
	puzzle
	task   *pretext.Inpaint
	input  []float32 // (rows, S, S, 3), holes filled with grey
	target loss.Hole
	missed loss.Told
	filled model.Reading

	hole, rest []float32       // 1 in the hole, and the frame outside it
	whole      model.Reading   // the frame with its hole filled
	critic     *model.Training // tells real pictures (label 1) from filled ones (0)
	shown      []float32       // (2·rows, S, S, 3): real, then filled
	origins    loss.Labels
	judged     loss.Told
	fooled     loss.Told
}

// criticOf is the name of an objective's discriminator.
func criticOf(c Config) string { return c.Name + "-critic" }

func inpaintHeads(c Config, n Needs) []model.Head {
	heads := []model.Head{{Name: c.Name, Kind: "decoder", Out: 3, Double: doublings(n, n.Model.Image)}}
	if c.Adversarial > 0 {
		heads = append(heads, model.Head{Name: criticOf(c), Kind: "critic", In: 3, Out: 1})
	}
	return heads
}

// doublings is how often the encoder's map must double to be as large as side; the rest is cut off.
func doublings(n Needs, side int) int {
	k := 0
	for p := n.Model.Places(n.Model.Image); p < side; p *= 2 {
		k++
	}
	return k
}

// decodable refuses pictures whose side is not that of the encoder's map, doubled and doubled again.
func decodable(n Needs) error {
	if places := n.Model.Places(n.Model.Image); places<<doublings(n, n.Model.Image) != n.Model.Image {
		return fmt.Errorf("pictures of %d px cannot be decoded: sampler.image must be %d times a power of two", n.Model.Image, places)
	}
	return nil
}

func newInpaint(c Config, n Needs, w *model.Weights) (Objective, error) {
	rows := n.Batch
	o := &inpaint{puzzle: newPuzzle(c, n, w, rows, 0, 1)}
	masks := map[string]string{"centre": pretext.MaskCentre, "random": pretext.MaskRegion}
	var err error
	if o.task, err = pretext.NewInpaint(n.Model.Image, masks[c.Mask], n.Seed); err != nil {
		return nil, err
	}
	if err := decodable(n); err != nil {
		return nil, err
	}
	o.target.Weight = make([]float32, rows*n.Model.Image*n.Model.Image)
	o.target.Target = o.views
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("holed", rows, n.Model.Image)
	places, _ := g.Encode(x)
	filled := g.Head(c.Name, places)
	o.input, o.filled = input, g.Read(filled)
	cost := g.Add("distance", filled, 1, func() (*G.Node, error) { return loss.MaskedL2(filled.Node(), &o.target, &o.missed) })
	if c.Adversarial > 0 {
		cost = o.fool(g, filled, cost)
	}
	if o.training, err = g.Training(cost); err != nil || c.Adversarial == 0 {
		return o, err
	}
	return o, o.teachCritic(w)
}

// fool adds to the decoder's loss how well the discriminator, which stays as it is, sees through it.
func (o *inpaint) fool(g *model.Graph, filled, distance model.Tap) model.Tap {
	g.Freeze(criticOf(o.cfg))
	// Outside the hole the decoder's output means nothing: the discriminator sees the frame there.
	var hole, rest model.Tap
	o.hole, hole = g.Images("hole", o.rows, o.size())
	o.rest, rest = g.Images("rest", o.rows, o.size())
	whole := g.Blend(filled, hole, rest)
	o.whole = g.Read(whole)
	says := g.Head(criticOf(o.cfg), whole)
	real := &loss.Labels{Of: slices.Repeat([]int32{1}, o.rows)}
	caught := g.Add("caught", says, 1, func() (*G.Node, error) { return loss.BCE(says.Node(), real, &o.fooled) })
	a := float32(o.cfg.Adversarial)
	return g.Sum([]model.Tap{distance, caught}, []float32{1 - a, a})
}

// teachCritic builds the discriminator's own graph.
func (o *inpaint) teachCritic(w *model.Weights) (err error) {
	o.origins.Of = append(slices.Repeat([]int32{1}, o.rows), make([]int32, o.rows)...)
	g := model.NewGraph(w, kernel.Train)
	shown, x := g.Images("shown", 2*o.rows, o.size())
	o.shown = shown
	says := g.Head(criticOf(o.cfg), x)
	cost := g.Add("judged", says, 1, func() (*G.Node, error) { return loss.BCE(says.Node(), &o.origins, &o.judged) })
	o.critic, err = g.Training(cost)
	return err
}

func (o *inpaint) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	px, area := o.pixels(), o.size()*o.size()
	o.look(s, d, func(row int, view []float32, r *rand.Rand) {
		o.task.Paint(o.input[row*px:(row+1)*px], o.target.Weight[row*area:(row+1)*area], view, r)
		if o.critic != nil {
			o.mark(row)
		}
	})
	return true
}

// mark says for the discriminator which pixels of a row are the hole.
func (o *inpaint) mark(row int) {
	px, area := o.pixels(), o.size()*o.size()
	for p, w := range o.target.Weight[row*area : (row+1)*area] {
		for c := row*px + 3*p; c < row*px+3*p+3; c++ {
			o.hole[c], o.rest[c] = 0, o.views[c]
			if w > 0 {
				o.hole[c], o.rest[c] = 1, 0
			}
		}
	}
}

func (o *inpaint) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	if err != nil {
		return Told{}, err
	}
	o.ran = true
	t := o.told(cost)
	if o.critic == nil {
		return t, nil
	}
	copy(o.shown, o.views)
	copy(o.shown[len(o.views):], o.whole.Data())
	if _, err := o.critic.Run(add); err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: the discriminator: %w", o.cfg.Name, step, err)
	}
	t.Accuracy, t.Chance, t.Rows = o.judged.Accuracy, 0.5, o.judged.Rows // of the discriminator
	return t, nil
}

func (o *inpaint) Show(rows int) []Row {
	px, area := o.pixels(), o.size()*o.size()
	var out []Row
	for i := range min(rows, o.rows) {
		r := Row{Title: "what was in the hole?", Pictures: []Picture{
			{Pix: o.input[i*px : (i+1)*px], Size: o.size(), Caption: "as it is shown"},
		}}
		if o.ran {
			answer := slices.Clone(o.input[i*px : (i+1)*px])
			filled := o.filled.Data()[i*px : (i+1)*px]
			for p := range area {
				if o.target.Weight[i*area+p] > 0 {
					copy(answer[3*p:3*p+3], filled[3*p:3*p+3])
				}
			}
			r.Pictures = append(r.Pictures, Picture{Pix: answer, Size: o.size(), Caption: "answered"})
		}
		r.Pictures = append(r.Pictures, Picture{Pix: o.views[i*px : (i+1)*px], Size: o.size(), Caption: "the frame"})
		out = append(out, r)
	}
	return out
}

func (o *inpaint) Close() error {
	if o.critic == nil {
		return o.common.Close()
	}
	return errors.Join(o.common.Close(), o.critic.Close())
}
