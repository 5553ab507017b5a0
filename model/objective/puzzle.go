package objective

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// puzzle is what the pretext tasks share: single frames from which a question with a known answer is made.
type puzzle struct {
	common
	asked   []*frame.Frame // rows
	views   []float32      // rows × (S, S, 3): the frames before anything is asked
	rows    int
	labels  loss.Labels
	answer  loss.Told
	logits  model.Reading
	classes int
	ran     bool // Learn has run on what was painted
}

// puzzleAugment is how frames look before a question is made of them: another cut and left for right. Colours
// stay, and nothing is shifted: a seam would answer questions about places.
var puzzleAugment = sampler.AugmentConfig{
	CropScale: [2]float64{0.6, 1}, CropRatio: [2]float64{0.9, 1.1}, Flip: 0.5, Edge: sampler.EdgeReflect, BlurSigma: [2]float64{0.1, 2},
}

func newPuzzle(c Config, n Needs, w *model.Weights, rows, labels, classes int) puzzle {
	p := puzzle{common: common{cfg: c, needs: n, weights: w}, rows: rows, classes: classes}
	p.asked, p.views = make([]*frame.Frame, rows), make([]float32, rows*p.pixels())
	p.labels.Of = make([]int32, labels)
	return p
}

// look paints frames that are evenly spread over the batch, and then asks a question of each: ask may run for
// several rows at once.
func (o *puzzle) look(s *sampler.Sampler, d *sampler.Draw, ask func(row int, view []float32, r *rand.Rand)) {
	o.drawn, o.ran = d, false
	for row := range o.asked {
		o.asked[row] = d.Anchor[o.spread(row, o.rows)]
	}
	s.PaintWith(o.views, o.asked, o.size(), d, o.use("view"), &puzzleAugment)
	px := o.pixels()
	s.Each(d, o.use("question"), o.rows, func(row int, r *rand.Rand) { ask(row, o.views[row*px:(row+1)*px], r) })
}

// classify ends a graph: logits (rows, classes) against the labels.
func (o *puzzle) classify(g *model.Graph, logits model.Tap) (err error) {
	o.logits = g.Read(logits)
	cost := g.Add("cross entropy", logits, 1, func() (*G.Node, error) {
		return loss.CrossEntropy(logits.Node(), &o.labels, &o.answer)
	})
	o.training, err = g.Training(cost)
	return err
}

func (o *puzzle) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	o.ran = err == nil
	t := o.told(cost)
	t.Accuracy, t.Chance, t.Rows = o.answer.Accuracy, 1/float32(o.classes), o.answer.Rows
	return t, err
}

// guess is the class that the network answered for a row, −1 before it was asked.
func (o *puzzle) guess(row int) int {
	if !o.ran {
		return -1
	}
	return argmax(o.logits.Data()[row*o.classes : (row+1)*o.classes])
}

// argmax is the place of the largest number, the first of equal ones.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// verdict says what is right and, where the network was asked, what it answered: in one line over pictures
// (after ", ") or in two lines under one (after "\n").
func verdict(right, guess string, asked bool, between string) string {
	switch {
	case !asked:
		return right
	case right == guess:
		return right + between + "answered right"
	}
	return right + between + "answered " + guess
}
