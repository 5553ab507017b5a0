package objective

import (
	"io"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
)

// colour asks which colours a gray picture had (Zhang et al. 2016, arXiv:1603.08511): one of 313 bins of ab
// at each place of a grid, with a soft target, and rare colours counting more. Gray and infrared pictures
// have no colours to be asked for and are left out.
type colour struct {
	puzzle
	task  *pretext.Colour
	input []float32 // (rows, S, S, 3), gray
	bins  *hues
}

// colourNeighbours is over how many bins a target is spread: 5 as in the paper (the released layer has 10).
const colourNeighbours = 5

// colourDoubles is how often the encoder's map doubles to the grid that colours are asked for on.
const colourDoubles = 2

// hueGrid is the side of the grid that colours are asked for on, places.
func hueGrid(n Needs) int { return n.Model.Places(n.Model.Image) << colourDoubles }

func colourHeads(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "decoder", Out: pretext.ColourBins, Double: colourDoubles}}
}

// hues are the targets of a batch of pictures, and how often each colour has occurred.
type hues struct {
	task   *pretext.Colour
	grid   int // places along a side
	target loss.SoftLabels
	answer loss.Told
	prior  pretext.Prior
	rarity []float32 // by bin
	gray   []bool    // by row
}

// priorDecay is what is kept of the counts of colours when a batch is added: about the last thousand batches.
const priorDecay = 0.999

func newHues(task *pretext.Colour, rows, grid int) *hues {
	k := task.Neighbours()
	places := rows * grid * grid
	h := &hues{task: task, grid: grid, prior: pretext.NewPrior(priorDecay), rarity: make([]float32, pretext.ColourBins), gray: make([]bool, rows)}
	h.target = loss.SoftLabels{Index: make([]int32, places*k), Weight: make([]float32, places*k), K: k, RowWeight: make([]float32, places)}
	return h
}

// ask writes the target of one row.
func (h *hues) ask(row int, view []float32, size int) {
	n := h.grid * h.grid * h.target.K
	h.gray[row] = !h.task.Encode(view, size, h.grid, h.target.Index[row*n:(row+1)*n], h.target.Weight[row*n:(row+1)*n])
}

// weigh counts the batch's colours and gives each place the weight of its own: none in a gray picture.
func (h *hues) weigh() {
	h.prior.Add(h.target.Index, h.target.Weight)
	h.prior.Weights(h.rarity)
	places := h.grid * h.grid
	for at := range h.target.RowWeight {
		h.target.RowWeight[at] = h.rarity[h.target.Index[at*h.target.K]]
		if h.gray[at/places] {
			h.target.RowWeight[at] = 0
		}
	}
}

// part is the counts of colours in a checkpoint.
func (h *hues) part() Part {
	return jsonPart("prior", func() any { return h.prior }, func(r io.Reader) error { return decodeJSON(r, &h.prior) })
}

func newColour(c Config, n Needs, w *model.Weights) (Objective, error) {
	task, err := pretext.NewColour(colourNeighbours)
	if err != nil {
		return nil, err
	}
	grid := hueGrid(n)
	if err := gridFits(n, grid); err != nil {
		return nil, err
	}
	o := &colour{puzzle: newPuzzle(c, n, w, n.Batch, 0, pretext.ColourBins), task: task, bins: newHues(task, n.Batch, grid)}
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("gray", n.Batch, n.Model.Image)
	places, _ := g.Encode(x)
	logits := g.Flat(g.Head(c.Name, places))
	o.input, o.logits = input, g.Read(logits)
	cost := g.Add("colours", logits, 1, func() (*G.Node, error) {
		return loss.SoftCrossEntropy(logits.Node(), &o.bins.target, &o.bins.answer)
	})
	o.training, err = g.Training(cost)
	return o, err
}

func (o *colour) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	px := o.pixels()
	o.look(s, d, func(row int, view []float32, _ *rand.Rand) {
		o.bins.ask(row, view, o.size())
		pretext.Gray(o.input[row*px:(row+1)*px], view, o.size())
	})
	o.bins.weigh()
	return true
}

func (o *colour) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	cost, err := o.run(step, add)
	o.ran = err == nil
	t := o.told(cost)
	t.Accuracy, t.Chance, t.Rows = o.bins.answer.Accuracy, 1./pretext.ColourBins, o.bins.answer.Rows
	return t, err
}

func (o *colour) State() []Part { return []Part{o.bins.part()} }

func (o *colour) Show(rows int) []Row {
	return showColours(&o.puzzle, rows, o.input, o.bins)
}

// showColours draws gray pictures, the colours answered, and the frames.
func showColours(o *puzzle, rows int, gray []float32, h *hues) []Row {
	px, n := o.pixels(), h.grid*h.grid*pretext.ColourBins
	var out []Row
	for i := range min(rows, o.rows) {
		r := Row{Title: "which colours had it?", Pictures: []Picture{{Pix: gray[i*px : (i+1)*px], Size: o.size(), Caption: "as it is shown"}}}
		if h.gray[i] {
			r.Title = "a gray picture, left out"
		}
		view := o.views[i*px : (i+1)*px]
		if o.ran {
			answer := make([]float32, px)
			h.task.Decode(answer, o.logits.Data()[i*n:(i+1)*n], view, o.size(), h.grid)
			r.Pictures = append(r.Pictures, Picture{Pix: answer, Size: o.size(), Caption: "answered"})
		}
		r.Pictures = append(r.Pictures, Picture{Pix: view, Size: o.size(), Caption: "the frame"})
		out = append(out, r)
	}
	return out
}
