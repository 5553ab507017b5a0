package topic

import (
	"context"
	"maps"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// survey is what the marks among the dead letters say.
type survey struct {
	done    map[string]bool  // letters that were replayed, by ID
	begun   map[string]claim // those of which it is not known
	unknown map[string]bool  // those of which it cannot be known any more
	ends    map[int]int64    // how far the letters were read
}

// claim is all that replays which have not ended say of a letter: when the last of them began, and where the
// topic of frames ended before the first of them sent anything.
type claim struct {
	at   time.Time
	ends map[int]int64
}

func (c claim) plus(k mark) claim {
	if c.ends == nil {
		return claim{k.at, k.Ends}
	}
	ends := maps.Clone(k.Ends)
	for partition, end := range c.ends {
		if later, ok := ends[partition]; !ok || end < later {
			ends[partition] = end
		}
	}
	if k.at.After(c.at) {
		c.at = k.at
	}
	return claim{c.at, ends}
}

// survey reads the marks.
func (r *Replayer) survey(ctx context.Context) (*survey, error) {
	s := &survey{done: map[string]bool{}, begun: map[string]claim{}, unknown: map[string]bool{}, ends: map[int]int64{}}
	err := Each(ctx, r.cfg, r.letters, nil, r.maxBytes+deadRoom, func(m frame.Message) error {
		s.ends[m.Ref.Partition] = m.Ref.Offset + 1
		k, ok := parseMark(m)
		if !ok {
			return nil
		}
		for _, id := range k.IDs {
			if k.kind == markDone {
				s.done[id] = true
			} else {
				s.begun[id] = s.begun[id].plus(k)
			}
		}
		return nil
	})
	maps.DeleteFunc(s.begun, func(id string, _ claim) bool { return s.done[id] })
	return s, err
}

// settle finds out what became of letters that a replay was about to send when it died: what it sent lies in the
// topic of frames, behind the ends it noted.
func (r *Replayer) settle(ctx context.Context, s *survey, dry bool) error {
	dead := map[string]claim{}
	from := map[int]int64{}
	for id, c := range s.begun {
		if r.now().Sub(c.at) < r.lease() {
			continue // it may go on
		}
		dead[id] = c
		for partition, end := range c.ends {
			if low, ok := from[partition]; !ok || end < low {
				from[partition] = end
			}
		}
	}
	if len(dead) == 0 {
		return nil
	}
	bounds, err := Bounds(ctx, r.cfg, r.frames)
	if err != nil {
		return err
	}
	found := mark{Replay: r.name, kind: markDone}
	err = Each(ctx, r.cfg, r.frames, from, r.maxBytes, func(m frame.Message) error {
		id, ok := m.Header(HeaderReplayed)
		if _, wanted := dead[id]; ok && wanted && !s.done[id] {
			s.done[id] = true
			found.IDs = append(found.IDs, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, c := range dead {
		delete(s.begun, id)
		if !s.done[id] && gone(c.ends, bounds) {
			s.unknown[id] = true
		}
	}
	if dry || len(found.IDs) == 0 {
		return nil
	}
	w, err := NewWriter(r.cfg, r.letters, WriterOptions{MaxBytes: r.maxBytes + overhead + deadRoom})
	if err != nil {
		return err
	}
	defer w.Close()
	return found.write(ctx, w)
}

// gone says whether messages behind the ends may have been deleted, or the topic was made anew.
func gone(ends map[int]int64, bounds map[int]Bound) bool {
	for partition, end := range ends {
		if b, ok := bounds[partition]; !ok || b.First > end || b.Next < end {
			return true
		}
	}
	return false
}
