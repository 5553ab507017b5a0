package objective

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// splitBrain has one half of the encoder tell the colours from the lightness and the other the lightness from
// the colours (Zhang et al. 2017, arXiv:1611.09842); used together they see everything. It needs an encoder
// of two halves, model.split.
type splitBrain struct {
	puzzle
	task      pretext.SplitBrain
	bins      *hues
	lightness loss.Labels // of every place
	bright    loss.Told
	dark      model.Reading // (rows·grid², lightBins)
	gray      []float32     // pictures for Show
}

// lightBins is into how many classes lightness is divided: 100 in the paper.
const lightBins = 100

// lightnessOf is the name of the head that answers with lightness.
func lightnessOf(c Config) string { return c.Name + "-lightness" }

func splitHeads(c Config, n Needs) []model.Head {
	half := n.Model.Width() / 2
	return []model.Head{
		{Name: c.Name, Kind: "decoder", In: half, Out: pretext.ColourBins, Double: colourDoubles},
		{Name: lightnessOf(c), Kind: "decoder", In: half, Out: lightBins, Double: colourDoubles},
	}
}

// gridFits refuses pictures that do not divide into the places of a decoder's grid.
func gridFits(n Needs, grid int) error {
	if n.Model.Image%grid != 0 {
		return fmt.Errorf("pictures of %d px do not divide into %d×%d places: choose a sampler.image that is a multiple of %d", n.Model.Image, grid, grid, grid)
	}
	return nil
}

func newSplitBrain(c Config, n Needs, w *model.Weights) (Objective, error) {
	colours, err := pretext.NewColour(colourNeighbours)
	if err != nil {
		return nil, err
	}
	grid := hueGrid(n)
	if err := gridFits(n, grid); err != nil {
		return nil, err
	}
	o := &splitBrain{puzzle: newPuzzle(c, n, w, n.Batch, 0, pretext.ColourBins), bins: newHues(colours, n.Batch, grid)}
	if o.task, err = pretext.NewSplitBrain(colours, lightBins); err != nil {
		return nil, err
	}
	o.lightness.Of = make([]int32, n.Batch*grid*grid)
	o.gray = make([]float32, n.Batch*o.pixels())
	g := model.NewGraph(w, kernel.Train)
	views, x := g.Images("frames", n.Batch, n.Model.Image)
	o.views = views // painted straight into the graph
	l, ab := g.Halves(x)
	colour := g.Flat(g.Head(c.Name, l))
	light := g.Flat(g.Head(lightnessOf(c), ab))
	o.logits, o.dark = g.Read(colour), g.Read(light)
	costs := []model.Tap{
		g.Add("colours", colour, 1, func() (*G.Node, error) {
			return loss.SoftCrossEntropy(colour.Node(), &o.bins.target, &o.bins.answer)
		}),
		g.Add("lightness", light, 1, func() (*G.Node, error) { return loss.CrossEntropy(light.Node(), &o.lightness, &o.bright) }),
	}
	o.training, err = g.Training(g.Sum(costs, []float32{1, 1}))
	return o, err
}

func (o *splitBrain) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	places, px := o.bins.grid*o.bins.grid, o.pixels()
	o.look(s, d, func(row int, view []float32, _ *rand.Rand) {
		o.bins.ask(row, view, o.size())
		o.task.Lightness(view, o.size(), o.bins.grid, o.lightness.Of[row*places:(row+1)*places])
		for at := row * places; o.bins.gray[row] && at < (row+1)*places; at++ {
			o.lightness.Of[at] = -1 // there are no colours to tell it from
		}
		pretext.Gray(o.gray[row*px:(row+1)*px], view, o.size())
	})
	o.bins.weigh()
	return true
}

func (o *splitBrain) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	o.ran = err == nil
	t := o.told(cost)
	// Both halves, each as good as chance among its own classes where it has learned nothing.
	t.Accuracy, t.Chance = (o.bins.answer.Accuracy+o.bright.Accuracy)/2, (1./pretext.ColourBins+1./lightBins)/2
	t.Rows = o.bins.answer.Rows + o.bright.Rows
	return t, err
}

func (o *splitBrain) State() []Part { return []Part{o.bins.part()} }

func (o *splitBrain) Show(rows int) []Row {
	out := showColours(&o.puzzle, rows, o.gray, o.bins)
	px := o.pixels()
	for i := range out {
		at := len(out[i].Pictures) - 1 // of the frame, which stays last
		whole := out[i].Pictures[at]
		out[i].Pictures = append(out[i].Pictures[:at], Picture{Pix: o.coloursOf(o.views[i*px : (i+1)*px]), Size: o.size(), Caption: "other half is shown"})
		if o.ran {
			out[i].Pictures = append(out[i].Pictures, Picture{Pix: o.answeredLightness(i), Size: o.size(), Caption: "answered"})
		}
		out[i].Title = "colours from lightness, and lightness from colours"
		if o.bins.gray[i] {
			out[i].Title = "a gray picture, left out"
		}
		out[i].Pictures = append(out[i].Pictures, whole)
	}
	return out
}

// coloursOf is a picture's colours at one lightness.
func (o *splitBrain) coloursOf(view []float32) []float32 {
	const middle = 60
	out := make([]float32, len(view))
	for i := 0; i < len(view); i += 3 {
		_, a, b := pretext.Lab(view[i], view[i+1], view[i+2])
		out[i], out[i+1], out[i+2] = pretext.RGB(middle, a, b)
	}
	return out
}

// answeredLightness is the lightness that a row was answered with, place by place.
func (o *splitBrain) answeredLightness(row int) []float32 {
	grid, size := o.bins.grid, o.size()
	out := make([]float32, o.pixels())
	for y := range size {
		for x := range size {
			place := (row*grid+y*grid/size)*grid + x*grid/size
			level := argmax(o.dark.Data()[place*lightBins : (place+1)*lightBins])
			l := (float32(level) + 0.5) * 100 / lightBins
			i := 3 * (y*size + x)
			out[i], out[i+1], out[i+2] = pretext.RGB(l, 0, 0)
		}
	}
	return out
}
