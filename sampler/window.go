package sampler

import (
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// moment is a frame in the window.
type moment struct {
	frame *frame.Frame
	scene uint64
}

// anchor is a frame with the frames it may be paired with; they are shared with other anchors.
type anchor struct {
	frame *frame.Frame
	slot  int            // in the replay buffer, where it is kept
	near  []*frame.Frame // temporal positives
	views []*frame.Frame // the same instant from other cameras of the rig, one each
	clip  []*frame.Frame // ends with the frame; nil where there is none
}

// reach is how far a partner can lie from its anchor.
func (c Config) reach() time.Duration { return max(c.Near, c.Skew) }

// memory is how far back a partner or a clip of an anchor can lie.
func (c Config) memory() time.Duration { return max(c.reach(), c.Clip.span()) }

// settle turns moments into anchors once nothing that is still to come can be their partner, and forgets
// moments that no waiting one can reach.
func (s *Sampler) settle(r *rig) {
	reach := s.cfg.reach()
	for r.waiting < len(r.window) && r.now.Sub(r.window[r.waiting].frame.Captured) > reach {
		s.settleNext(r)
	}
	oldest := r.now
	if r.waiting < len(r.window) {
		oldest = r.window[r.waiting].frame.Captured
	}
	front := 0
	for front < r.waiting && oldest.Sub(r.window[front].frame.Captured) > s.cfg.memory() {
		front++
	}
	for len(r.window)-front > s.cfg.Limit { // too many frames within reach: do without some neighbours
		if front == r.waiting {
			s.counts.Hurried++
			s.settleNext(r)
		}
		front++
	}
	kept := copy(r.window, r.window[front:])
	clear(r.window[kept:])
	r.window, r.waiting = r.window[:kept], r.waiting-front
}

// settleNext makes an anchor of the oldest waiting moment; without partners it is of no use, unless
// Lone says so.
func (s *Sampler) settleNext(r *rig) {
	a := s.partners(r, r.waiting)
	r.waiting++
	if len(a.near)+len(a.views) == 0 && !s.cfg.Lone {
		s.counts.Alone++
		return
	}
	a.clip = s.clip(r, r.waiting-1)
	s.admit(a)
}

// partners finds the positives of the moment at index i of the window.
func (s *Sampler) partners(r *rig, i int) *anchor {
	m := r.window[i]
	a := &anchor{frame: m.frame}
	nearest := s.nearest[:0] // of each other camera of the rig, in order of appearance
	look := func(o moment) bool {
		gap := o.frame.Captured.Sub(m.frame.Captured).Abs()
		if gap > s.cfg.reach() {
			return false
		}
		if o.frame.Camera != m.frame.Camera {
			nearest = closer(nearest, m.frame, o.frame)
		} else if o.scene == m.scene && s.cfg.Relation(m.frame.Meta, o.frame.Meta) == Temporal {
			a.near = append(a.near, o.frame)
		}
		return true
	}
	for j := i - 1; j >= 0 && look(r.window[j]); j-- {
	}
	for j := i + 1; j < len(r.window) && look(r.window[j]); j++ {
	}
	for _, v := range nearest {
		if s.cfg.Relation(m.frame.Meta, v.Meta) == View {
			a.views = append(a.views, v)
		} else {
			s.counts.ViewsRefused++
		}
	}
	clear(nearest)
	s.nearest = nearest[:0]
	a.near, a.views = s.some(a.near, useNear), s.some(a.views, useViews)
	s.counts.ViewsFound += uint64(len(a.views))
	return a
}

// closer keeps of each camera the frame closest in time to the anchor; the first of two equally close ones.
func closer(nearest []*frame.Frame, anchor, f *frame.Frame) []*frame.Frame {
	for i, n := range nearest {
		if n.Camera == f.Camera {
			if f.Captured.Sub(anchor.Captured).Abs() < n.Captured.Sub(anchor.Captured).Abs() {
				nearest[i] = f
			}
			return nearest
		}
	}
	return append(nearest, f)
}

// What neighbours are drawn for.
const (
	useNear = iota
	useViews
)

// some keeps at most Partners of the frames, each subset as likely as any other.
func (s *Sampler) some(frames []*frame.Frame, use uint64) []*frame.Frame {
	k := s.cfg.Partners
	if k == 0 || len(frames) <= k {
		return frames
	}
	r := s.seed.At("partners").Rand(s.counts.Admitted+s.counts.Alone, use)
	for i := range k {
		j := i + r.IntN(len(frames)-i)
		frames[i], frames[j] = frames[j], frames[i]
	}
	return append([]*frame.Frame(nil), frames[:k]...) // its own memory: the rest must not be held
}
