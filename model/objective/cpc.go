package objective

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// cpc is contrastive predictive coding (van den Oord et al. 2018, arXiv:1807.03748) over clips of a camera:
// every frame is encoded to z_t, a recurrent unit sums up what was seen to c_t, and for each k a linear map
// W_k predicts z_{t+k} from c_t. The prediction must tell it, by the bilinear score z·W_k·c, from the z of
// other times and of other clips.
type cpc struct {
	film
	input    []float32
	shown    []*frame.Frame  // clips × cfg.Frames
	contrast []loss.Contrast // by k−1
	masks    []loss.Pairs    // by k−1
	z        model.Reading
}

// ahead is the head that predicts k frames ahead.
func ahead(c Config, k int) string { return fmt.Sprintf("%s-ahead%d", c.Name, k) }

func cpcHeads(c Config, n Needs) []model.Head {
	heads := []model.Head{
		{Name: c.Name, Kind: "linear", Out: n.Projection},
		{Name: c.Name + "-context", Kind: "gru", In: n.Projection, Out: n.Projection},
	}
	for k := 1; k <= c.Ahead; k++ {
		heads = append(heads, model.Head{Name: ahead(c, k), Kind: "linear", In: n.Projection, Out: n.Projection})
	}
	return heads
}

func newCPC(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &cpc{film: newFilm(c, n, w, c.Frames, 1), contrast: make([]loss.Contrast, c.Ahead), masks: make([]loss.Pairs, c.Ahead)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("frames", o.clips*c.Frames, n.Model.Image)
	_, embedding := g.Encode(x)
	z := g.Head(c.Name, embedding)
	context := g.Recurrent(c.Name+"-context", z, c.Frames)
	o.input, o.z = input, g.Read(z)
	var costs []model.Tap
	for k := 1; k <= c.Ahead; k++ {
		rows := o.clips * (c.Frames - k)
		o.masks[k-1].Ignored = make([]bool, rows*rows)
		predicted := g.Head(ahead(c, k), g.Times(context, c.Frames, 0, c.Frames-k))
		target := g.Times(z, c.Frames, k, c.Frames)
		costs = append(costs, g.Add(ahead(c, k), predicted, 1, func() (*G.Node, error) {
			return loss.Predictive(predicted.Node(), target.Node(), &o.masks[k-1], 1, &o.contrast[k-1])
		}))
	}
	var err error
	o.training, err = g.Training(g.Mean(costs))
	return o, err
}

func (o *cpc) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	if !o.draw(s, d) {
		return false
	}
	o.shown = o.shown[:0]
	for i := range o.clips {
		o.shown = append(o.shown, o.clip(i)...)
	}
	s.Paint(o.input, o.shown, o.size(), d, o.use("look"))
	o.mask()
	return true
}

// mask says which predictions and frames are no negatives of each other: those of two clips that saw the same
// rig within far. Other times of the same clip are: telling them apart is the task.
func (o *cpc) mask() {
	for k := 1; k <= o.cfg.Ahead; k++ {
		times := o.cfg.Frames - k
		ignored, rows := o.masks[k-1].Ignored, o.clips*times
		for i := range rows {
			a := o.clip(i / times)[i%times+k]
			for j := range rows {
				b := o.clip(j / times)[j%times+k]
				ignored[i*rows+j] = i/times != j/times && o.needs.Sampler.Relation(a.Meta, b.Meta) != sampler.Negative
			}
		}
	}
}

func (o *cpc) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	o.ran = err == nil
	var mean loss.Contrast
	n := float32(len(o.contrast))
	for _, c := range o.contrast {
		mean.Loss += c.Loss / n
		mean.Positive += c.Positive / n
		mean.Negative += c.Negative / n
		mean.Accuracy += c.Accuracy / n
		mean.Candidates += c.Candidates / n
		mean.Bounded = c.Bounded
	}
	t := o.contrasted(cost, mean, o.z.Data())
	t.Rows, t.Chance = 0, 0
	for k, c := range o.contrast {
		t.Rows += o.clips * (o.cfg.Frames - k - 1)
		t.Chance += guessing(c) / n
	}
	return t, err
}

func (o *cpc) Show(rows int) []Row {
	return o.strips(rows, o.cfg.Frames, o.input, o.shown, func(int) string { return fmt.Sprintf("a clip: predict up to %d frames ahead", o.cfg.Ahead) })
}
