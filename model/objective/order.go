package objective

import (
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
	"github.com/nearfar/nearfar/streams/frame"
)

// order asks whether three frames of a clip are in their order (shuffle and learn, Misra et al. 2016,
// arXiv:1603.08561). Its head sees how far the frames are from each other, number by number, and not the frames
// themselves: what is between two others is near to both. Lee et al. 2017 (arXiv:1708.01246) put pairs of frames before the
// head for the same reason; on frames side by side, as in the first paper, nothing was learned from real pictures.
type order struct {
	film
	input  []float32      // (3·clips, S, S, 3)
	picked []*frame.Frame // 3·clips
}

// triple is how many frames are put in question.
const triple = 3

func orderHeads(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "mlp", In: triple * n.Model.Width(), Hidden: n.Model.Width(), Out: 2}}
}

func newOrder(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &order{film: newFilm(c, n, w, triple, 2)}
	o.picked = make([]*frame.Frame, triple*o.clips)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("frames", triple*o.clips, n.Model.Image)
	_, embedding := g.Encode(x)
	o.input = input
	return o, o.classify(g, g.Head(c.Name, g.Apart(g.Unit(embedding), triple)))
}

func (o *order) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	if !o.draw(s, d) {
		return false
	}
	for i := range o.clips {
		tuple, label := pretext.Order(o.cfg.Frames, d.Rand(o.use("order"), i))
		o.labels.Of[i] = label
		for k, t := range tuple {
			o.picked[triple*i+k] = o.clip(i)[t]
		}
	}
	s.PaintClips(o.input, o.picked, triple, o.size(), d, o.use("look"))
	return true
}

func (o *order) Show(rows int) []Row {
	say := []string{"out of order", "in order"}
	return o.strips(rows, triple, o.input, o.picked, func(i int) string {
		return verdict(say[o.labels.Of[i]], say[max(0, o.guess(i))], o.ran, ", ")
	})
}

// arrow asks whether a clip runs forwards or backwards (Wei et al. 2018, "Learning and using the arrow of
// time").
type arrow struct {
	film
	input  []float32
	picked []*frame.Frame
}

func arrowHeads(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "mlp", In: c.Frames * n.Model.Width(), Hidden: n.Model.Width(), Out: 2}}
}

func newArrow(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &arrow{film: newFilm(c, n, w, c.Frames, 2)}
	o.picked = make([]*frame.Frame, c.Frames*o.clips)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("frames", c.Frames*o.clips, n.Model.Image)
	_, embedding := g.Encode(x)
	o.input = input
	return o, o.classify(g, g.Head(c.Name, g.Together(embedding, c.Frames)))
}

func (o *arrow) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	if !o.draw(s, d) {
		return false
	}
	for i := range o.clips {
		times, label := pretext.Arrow(o.cfg.Frames, d.Rand(o.use("arrow"), i))
		o.labels.Of[i] = label
		for k, t := range times {
			o.picked[o.cfg.Frames*i+k] = o.clip(i)[t]
		}
	}
	s.PaintClips(o.input, o.picked, o.cfg.Frames, o.size(), d, o.use("look"))
	return true
}

func (o *arrow) Show(rows int) []Row {
	say := []string{"forwards", "backwards"}
	return o.strips(rows, o.cfg.Frames, o.input, o.picked, func(i int) string {
		return verdict(say[o.labels.Of[i]], say[max(0, o.guess(i))], o.ran, ", ")
	})
}
