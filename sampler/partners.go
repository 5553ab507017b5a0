package sampler

import "github.com/nearfar/nearfar/streams/frame"

// Near draws for a row a temporal positive of its anchor, whatever Positive is; nil where there is none.
// Like all that is drawn for a row, it is a function of the step, the use and the row.
func (s *Sampler) Near(d *Draw, row int, use string) *frame.Frame {
	return one(d.anchors[row].near, d, row, use)
}

// View draws for a row a frame that another camera of the rig took at the anchor's instant; nil where there
// is none.
func (s *Sampler) View(d *Draw, row int, use string) *frame.Frame {
	return one(d.anchors[row].views, d, row, use)
}

// one draws a frame, nil from none.
func one(frames []*frame.Frame, d *Draw, row int, use string) *frame.Frame {
	if len(frames) == 0 {
		return nil
	}
	return frames[d.Rand(use, row).IntN(len(frames))]
}

// Several are the anchor of a row, first, and up to k−1 further frames that are positives of it, all
// distinct: views in the share of Config.Views, then what is left of either kind. VINCE (Gordon et al. 2020,
// arXiv:2003.07990) calls all pairs among them positive.
func (s *Sampler) Several(d *Draw, row, k int, use string) []*frame.Frame {
	a, r := d.anchors[row], d.Rand(use, row)
	rest := *a
	rest.near, rest.views = append([]*frame.Frame(nil), a.near...), append([]*frame.Frame(nil), a.views...)
	out := append(make([]*frame.Frame, 0, k), a.frame)
	for len(out) < k && len(rest.near)+len(rest.views) > 0 {
		f, pair := rest.positive(r, s.cfg.Views)
		if pair == View {
			rest.views = without(rest.views, f)
		} else {
			rest.near = without(rest.near, f)
		}
		out = append(out, f)
	}
	return out
}

// without takes a frame out of frames; the order of the others changes.
func without(frames []*frame.Frame, f *frame.Frame) []*frame.Frame {
	last := len(frames) - 1
	for i := range frames {
		if frames[i] == f {
			frames[i] = frames[last]
			return frames[:last]
		}
	}
	return frames
}
