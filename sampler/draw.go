package sampler

import (
	"math/rand/v2"

	"github.com/nearfar/nearfar/streams/frame"
)

// Draw is which frames meet in a step; Paint and the pretext painters say how they look. Callers only read
// the fields of what the sampler drew; N may be set before, zero means the batch of the configuration.
type Draw struct {
	Step     uint64
	N        int
	Anchor   []*frame.Frame // N
	Positive []*frame.Frame // N, one of the anchor's positives each; nil where a lone anchor has none
	Pair     []Relation     // N times Temporal or View; Neither where there is no positive

	anchors []*anchor // N, whose frames Anchor holds
	numbers numbers   // the step's
}

// shape makes room for the rows.
func (d *Draw) shape(c Config) {
	if d.N == 0 {
		d.N = c.Batch
	}
	if len(d.anchors) != d.N {
		d.Anchor, d.Positive = make([]*frame.Frame, d.N), make([]*frame.Frame, d.N)
		d.Pair, d.anchors = make([]Relation, d.N), make([]*anchor, d.N)
	}
}

// Draw draws the pairs of a step into dst: the newest anchors first (ReplayConfig.Newest), then anchors
// uniformly from the replay buffer with replacement, each with one of its positives, uniformly drawn. It
// is a deterministic function of configuration, seed, pushed frames and step. false: there are not enough
// frames yet, and dst is as before; true takes one of the steps that are due.
func (s *Sampler) Draw(step uint64, dst *Draw) bool {
	if !s.ready() {
		return false
	}
	dst.shape(s.cfg)
	dst.Step, dst.numbers = step, newNumbers(s.seed.At("batch").Rand(step))
	r := newReseeder(dst.numbers.of("pair"))
	newest := min(s.cfg.newest(), len(s.replay.recent.items))
	for row := range dst.N {
		r := r.at(row)
		var a *anchor
		if row < newest {
			a = s.replay.recent.newest(row)
		} else {
			a = s.replay.kept[r.IntN(len(s.replay.kept))]
		}
		dst.anchors[row], dst.Anchor[row] = a, a.frame
		dst.Positive[row], dst.Pair[row] = a.positive(r, s.cfg.Views)
		switch dst.Pair[row] {
		case View:
			s.counts.Views++
		case Temporal:
			s.counts.Temporal++
		}
	}
	s.taken++
	return true
}

// positive draws one of the anchor's partners: another view with probability views where there is one.
func (a *anchor) positive(r *rand.Rand, views float64) (*frame.Frame, Relation) {
	if len(a.near)+len(a.views) == 0 {
		return nil, Neither
	}
	if len(a.near) == 0 || len(a.views) > 0 && r.Float64() < views {
		return a.views[r.IntN(len(a.views))], View
	}
	return a.near[r.IntN(len(a.near))], Temporal
}
