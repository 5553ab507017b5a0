package sampler

import (
	"math/rand/v2"

	"github.com/nearfar/nearfar/streams/frame"
)

// Batch is N pairs of views. Query and Key may be memory of the caller; where they are nil the sampler
// makes them. Zero N and Size mean those of the configuration.
type Batch struct {
	N, Size          int
	Query, Key       []float32      // (N, Size, Size, 3) NHWC, (x/255 − 0.5)/0.25
	Anchor, Positive []*frame.Frame // N frames, of which Query and Key are views
	Pair             []Relation     // N times Temporal or View
}

// shape makes the batch fit.
func (b *Batch) shape(c Config) {
	if b.N == 0 {
		b.N = c.Batch
	}
	if b.Size == 0 {
		b.Size = c.Image
	}
	n := b.N * b.Size * b.Size * 3
	if b.Query == nil {
		b.Query = make([]float32, n)
	}
	if b.Key == nil {
		b.Key = make([]float32, n)
	}
	if len(b.Query) != n || len(b.Key) != n {
		panic("sampler: Query and Key of a batch must hold N·Size·Size·3 numbers")
	}
	if len(b.Anchor) != b.N || len(b.Positive) != b.N || len(b.Pair) != b.N {
		b.Anchor, b.Positive = make([]*frame.Frame, b.N), make([]*frame.Frame, b.N)
		b.Pair = make([]Relation, b.N)
	}
}

// Batch draws the batch of a step into dst: the newest anchors first (ReplayConfig.Newest), then anchors
// uniformly from the replay buffer with replacement, each with one of its positives, uniformly drawn. It
// is a deterministic function of configuration, seed, pushed frames and step. false: there are not enough
// frames yet, and dst is as before; true takes one of the steps that are due.
func (s *Sampler) Batch(step uint64, dst *Batch) bool {
	if !s.ready() {
		return false
	}
	dst.shape(s.cfg)
	draw := newDraws(s.seed.At("batch").Rand(step))
	newest := min(s.cfg.newest(), dst.N)
	for row := range dst.N {
		var a *anchor
		r := draw.at(row, usePair)
		if row < newest && row < len(s.replay.recent.items) {
			a = s.replay.recent.newest(row)
		} else {
			a = s.replay.kept[r.IntN(len(s.replay.kept))]
		}
		dst.Anchor[row] = a.frame
		dst.Positive[row], dst.Pair[row] = a.positive(r, s.cfg.Views)
		if dst.Pair[row] == View {
			s.counts.Views++
		} else {
			s.counts.Temporal++
		}
	}
	s.painter.paint(dst, &s.cfg.Augment, draw)
	s.taken++
	return true
}

// positive draws one of the anchor's partners: another view with probability views where there is one.
func (a *anchor) positive(r *rand.Rand, views float64) (*frame.Frame, Relation) {
	if len(a.near) == 0 || len(a.views) > 0 && r.Float64() < views {
		return a.views[r.IntN(len(a.views))], View
	}
	return a.near[r.IntN(len(a.near))], Temporal
}
