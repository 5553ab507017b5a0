package sampler

import (
	"slices"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// ClipConfig says which clips are kept: runs of frames of one camera within one scene, for objectives that
// learn from order and prediction.
type ClipConfig struct {
	Frames int           `yaml:"frames"` // frames of a clip, the anchor last; 0: no clips; default 0
	Stride time.Duration `yaml:"stride"` // time from one frame of a clip to the next, met to half a stride; default 200ms
}

// span is how far a clip can reach back from its anchor.
func (c ClipConfig) span() time.Duration {
	if c.Frames == 0 {
		return 0
	}
	return time.Duration(c.Frames-1)*c.Stride + c.Stride/2
}

// clip is the clip that ends with the moment at index i of the window, oldest frame first; nil where the
// scene is too short or a frame is missing. From the anchor backwards, the frame k strides ago is the one
// closest to that instant among those captured before the frame already chosen, at most half a stride off;
// of two equally close ones the later.
func (s *Sampler) clip(r *rig, i int) []*frame.Frame {
	c, m := s.cfg.Clip, r.window[i]
	if c.Frames == 0 {
		return nil
	}
	out := make([]*frame.Frame, c.Frames)
	out[c.Frames-1] = m.frame
	j := i - 1
	for k := 1; k < c.Frames; k++ {
		target, next := m.frame.Captured.Add(-time.Duration(k)*c.Stride), out[c.Frames-k]
		best, off := -1, c.Stride/2+1
		for ; j >= 0; j-- {
			o := r.window[j]
			if o.frame.Camera != m.frame.Camera || o.scene != m.scene || !o.frame.Captured.Before(next.Captured) {
				continue
			}
			d := o.frame.Captured.Sub(target)
			if d.Abs() < off {
				best, off = j, d.Abs()
			} else if d < 0 {
				break // further frames are further off
			}
		}
		if best < 0 {
			s.counts.ClipsShort++
			return nil
		}
		out[c.Frames-1-k] = r.window[best].frame
		j = best - 1
	}
	s.counts.Clips++
	return out
}

// Clips fills dst with n clips: n·Clip.Frames frames, each clip oldest first, those of anchors drawn
// uniformly from the replay buffer's that have a clip. As long as there are such, a clip is drawn that is of
// another rig than all before or at least far away from them, end to beginning; then one not drawn yet; then
// any. false: fewer than two anchors have clips, and dst is as before. Who calls it sets Clip.Frames.
func (s *Sampler) Clips(d *Draw, n int, use string, dst []*frame.Frame) bool {
	t := s.cfg.Clip.Frames
	if len(dst) != n*t {
		panic("sampler: there must be room for n·Clip.Frames frames")
	}
	var all []*anchor
	for _, a := range s.replay.kept {
		if a.clip != nil {
			all = append(all, a)
		}
	}
	if len(all) < 2 {
		return false
	}
	r := newReseeder(d.numbers.of(use))
	unused, free := append([]*anchor(nil), all...), append([]*anchor(nil), all...) // not drawn yet; of those, the far ones
	for row := range n {
		if len(free) == 0 {
			if len(unused) == 0 {
				unused = append(unused, all...)
			}
			free = append(free, unused...)
		}
		a := free[r.at(row).IntN(len(free))]
		copy(dst[row*t:], a.clip)
		unused = slices.DeleteFunc(unused, func(b *anchor) bool { return b == a })
		free = slices.DeleteFunc(free, func(b *anchor) bool { return b == a || !s.cfg.apart(a.clip, b.clip) })
	}
	return true
}

// apart says whether no frame of a clip can be mistaken for one of the other.
func (c Config) apart(a, b []*frame.Frame) bool {
	if a[0].Rig != b[0].Rig {
		return true
	}
	if b[0].Captured.Before(a[0].Captured) {
		a, b = b, a
	}
	return b[0].Captured.Sub(a[len(a)-1].Captured) >= c.Far
}
