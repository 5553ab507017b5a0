package objective

import (
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// pair is what objectives share that look at both frames of each pair with the network that learns: rows
// i and i+N of one batch are views of anchor and positive.
type pair struct {
	common
	input  []float32      // (2N, S, S, 3)
	frames []*frame.Frame // 2N
}

// newPair makes room for both halves of a batch.
func newPair(c Config, n Needs, w *model.Weights) pair {
	return pair{common: common{cfg: c, needs: n, weights: w}, frames: make([]*frame.Frame, 2*n.Batch)}
}

func (o *pair) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	n := o.needs.Batch
	copy(o.frames, d.Anchor[:n])
	for row := range n {
		o.frames[n+row] = o.partner(s, d, row)
	}
	if !o.fill() {
		return false
	}
	half := n * o.pixels()
	s.Paint(o.input[:half], o.frames[:n], o.size(), d, o.use("anchor"))
	s.Paint(o.input[half:], o.frames[n:], o.size(), d, o.use("positive"))
	return true
}

// fill gives rows whose anchor has no positive of the kind asked for the pair of the next row that has one.
// False: there is none in the batch.
func (o *pair) fill() bool {
	n := o.needs.Batch
	from := -1
	for row := 2*n - 1; row >= 0; row-- { // twice round, backwards, so that from is the next one
		switch i := row % n; {
		case o.frames[n+i] != nil:
			from = i
		case from >= 0:
			o.frames[i], o.frames[n+i] = o.frames[from], o.frames[n+from]
		}
	}
	return from >= 0
}

// partner is the frame that a row's anchor is to agree with; nil where there is none of the kind asked for.
func (o *pair) partner(s *sampler.Sampler, d *sampler.Draw, row int) *frame.Frame {
	switch o.cfg.Positives {
	case "same":
		return d.Anchor[row]
	case "temporal":
		return s.Near(d, row, o.use("near"))
	case "view":
		return s.View(d, row, o.use("view"))
	}
	return d.Positive[row]
}

// relation is what frames i and j of the batch are to each other: 1 a positive of the kind asked for, −1 a
// negative, 0 neither.
func (o *pair) relation(i, j int) int8 {
	a, b := o.frames[i], o.frames[j]
	if a == b {
		return 0
	}
	switch o.needs.Sampler.Relation(a.Meta, b.Meta) {
	case sampler.Negative:
		return -1
	case sampler.Temporal:
		if o.cfg.Positives != "view" {
			return 1
		}
	case sampler.View:
		if o.cfg.Positives != "temporal" {
			return 1
		}
	}
	return 0
}

func (o *pair) Show(rows int) []Row {
	n, half := o.needs.Batch, o.needs.Batch*o.pixels()
	return o.show(rows, func(i int) string { return between(o.frames[i], o.frames[n+i]) },
		column{"anchor", o.input[:half]}, column{"positive", o.input[half:]})
}
