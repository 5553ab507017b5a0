package sampler

import "github.com/nearfar/nearfar/streams/frame"

// frameOverhead is about what a frame takes beside its pixels, in bytes.
const frameOverhead = 256

// Bytes is the memory of the frames the sampler holds, and of the features it remembers. With B bytes per
// frame, P partners, V views and T frames of a clip per anchor (the anchor itself is one of T; 1 without
// clips) it is at most
//
//	((replay.size + newest·batch) · (T + P + V) + rigs·limit + cameras) · B
//
// where replay.size is batch for policy none, P and V are at most Partners (0: what lies within near on both
// sides, at most limit), rigs are those heard of among the last 65,536 frames, and cameras those of them seen
// within the last gap. Neighbours share their frames, so a FIFO stays near one frame per anchor; other
// policies come close to the bound. Policy minred adds replay.size features of 4·dim bytes.
func (s *Sampler) Bytes() int64 {
	var n int64
	for _, f := range s.frames().list {
		n += int64(len(f.Pix)) + frameOverhead
	}
	if m := s.replay.minred; m != nil {
		for _, s := range m.sights {
			n += 4 * int64(len(s.feature))
		}
	}
	return n
}

// table lists distinct frames in the order in which they are first met.
type table struct {
	list  []*frame.Frame
	index map[*frame.Frame]uint64
}

func (t *table) add(frames ...*frame.Frame) {
	for _, f := range frames {
		if _, ok := t.index[f]; !ok {
			t.index[f] = uint64(len(t.list))
			t.list = append(t.list, f)
		}
	}
}

// frames are all frames the sampler holds.
func (s *Sampler) frames() *table {
	t := &table{index: make(map[*frame.Frame]uint64)}
	for _, name := range s.rigNames() {
		r := s.rigs[name]
		for _, m := range r.window {
			t.add(m.frame)
		}
		for _, camera := range r.cameras() {
			t.add(r.tracks[camera].last)
		}
	}
	for _, anchors := range [][]*anchor{s.replay.kept, s.replay.recent.items} {
		for _, a := range anchors {
			t.add(a.frame)
			t.add(a.near...)
			t.add(a.views...)
			t.add(a.clip...)
		}
	}
	return t
}

// Frames are all frames the sampler holds, each once: the pictures behind the bank's newer keys.
func (s *Sampler) Frames() []*frame.Frame { return s.frames().list }
