package sampler

import (
	"github.com/nearfar/nearfar/internal/record"
	"github.com/nearfar/nearfar/streams/frame"
)

// appendKept writes the replay buffer by slot.
func appendKept(b []byte, r *replay, frames *table) []byte {
	b = appendNumbers(b, uint64(len(r.kept)))
	for _, a := range r.kept {
		b = appendAnchor(b, a, frames)
	}
	return b
}

// appendRecent writes the newest anchors: 1 + the slot of each, 0 and the anchor itself where it is not kept.
func appendRecent(b []byte, r *replay, frames *table) []byte {
	b = appendNumbers(b, uint64(len(r.recent.items)))
	for _, a := range r.recent.items {
		if r.holds(a) {
			b = appendNumbers(b, 1+uint64(a.slot))
		} else {
			b = appendAnchor(appendNumbers(b, 0), a, frames)
		}
	}
	return b
}

func appendAnchor(b []byte, a *anchor, frames *table) []byte {
	b = appendNumbers(b, frames.index[a.frame])
	for _, list := range [][]*frame.Frame{a.near, a.views, a.clip} {
		b = appendNumbers(b, uint64(len(list)))
		for _, f := range list {
			b = appendNumbers(b, frames.index[f])
		}
	}
	return b
}

func (s *Sampler) readKept(in *record.Reader, frames []*frame.Frame) error {
	rec, err := in.Record()
	if err != nil {
		return err
	}
	for n := rec.Uint64(); n > 0 && !rec.Short(); n-- {
		s.replay.put(len(s.replay.kept), s.readAnchor(rec, frames))
	}
	return rec.Done("replay buffer")
}

func (s *Sampler) readRecent(in *record.Reader, frames []*frame.Frame) error {
	rec, err := in.Record()
	if err != nil {
		return err
	}
	kept, recent := s.replay.kept, &s.replay.recent
	for n := rec.Uint64(); n > 0 && !rec.Short(); n-- {
		switch slot := rec.Uint64(); {
		case slot == 0:
			recent.items = append(recent.items, s.readAnchor(rec, frames))
		case slot > uint64(len(kept)):
			rec.Fail()
		default:
			recent.items = append(recent.items, kept[slot-1])
		}
	}
	return rec.Done("newest anchors")
}

func (s *Sampler) readAnchor(rec *record.Fields, frames []*frame.Frame) *anchor {
	a := &anchor{frame: readNumber(rec, frames)}
	for _, list := range []*[]*frame.Frame{&a.near, &a.views, &a.clip} {
		for k := rec.Uint64(); k > 0 && !rec.Short(); k-- {
			*list = append(*list, readNumber(rec, frames))
		}
	}
	if len(a.near)+len(a.views) == 0 && !s.cfg.Lone || a.clip != nil && len(a.clip) != s.cfg.Clip.Frames {
		rec.Fail()
	}
	return a
}
