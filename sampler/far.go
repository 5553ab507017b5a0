package sampler

import "github.com/nearfar/nearfar/streams/frame"

// Far draws for a row a frame that is a negative of the anchor: from another rig, or at least far away in
// time, uniformly among the anchors in the replay buffer that are; nil where there is none. It is for triplet
// losses.
func (s *Sampler) Far(d *Draw, row int, anchor *frame.Frame) *frame.Frame {
	kept := s.replay.kept
	if len(kept) == 0 {
		return nil
	}
	r := d.Rand("far", row)
	far := func(i int) bool { return s.cfg.Relation(anchor.Meta, kept[i].frame.Meta) == Negative }
	for range 16 { // as a rule most frames are far
		if i := r.IntN(len(kept)); far(i) {
			return kept[i].frame
		}
	}
	n := 0
	for i := range kept {
		if far(i) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	skip := r.IntN(n)
	for i := range kept {
		if far(i) {
			if skip == 0 {
				return kept[i].frame
			}
			skip--
		}
	}
	return nil
}
