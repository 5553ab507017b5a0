package sampler

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/nearfar/nearfar/internal/record"
	"github.com/nearfar/nearfar/streams/frame"
)

// snapshotMagic names the format and its version; a new layout gets a new name.
const snapshotMagic = "nearfar sampler 1"

// WriteTo writes the whole state, pixels included, so that Read continues byte for byte. Records: a header
// with the counts, each distinct frame once, then cameras, window, replay buffer and newest anchors, which
// name frames by number. Equal states give equal bytes. The size is about that of Bytes.
func (s *Sampler) WriteTo(w io.Writer) (int64, error) {
	out := record.NewWriter(w)
	frames := s.frames()
	p := record.AppendString(nil, snapshotMagic)
	p = record.AppendString(p, s.replay.policy)
	p = appendNumbers(p, uint64(s.replay.size), uint64(s.replay.recent.size), s.replay.seen, uint64(s.taken))
	p = appendNumbers(p, s.counts.numbers()...)
	p = record.AppendTime(p, s.now)
	p = appendNumbers(p, uint64(len(frames.list)), uint64(s.waiting), uint64(s.replay.next), uint64(s.replay.recent.next))
	out.Record(p)
	for _, f := range frames.list {
		p = appendFrame(p[:0], f)
		out.Record(p)
	}
	out.Record(s.appendTracks(p[:0], frames))
	p = appendNumbers(p[:0], uint64(len(s.window)))
	for _, m := range s.window {
		p = appendNumbers(p, frames.index[m.frame], m.scene)
	}
	out.Record(p)
	out.Record(appendAnchors(p[:0], s.replay.kept, frames))
	out.Record(appendAnchors(p[:0], s.replay.recent.items, frames))
	n, err := out.Close()
	if err != nil {
		return n, fmt.Errorf("writing the sampler: %w", err)
	}
	return n, nil
}

func appendNumbers(b []byte, ns ...uint64) []byte {
	for _, n := range ns {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func appendFrame(b []byte, f *frame.Frame) []byte {
	b = record.AppendString(b, f.Camera)
	b = record.AppendString(b, f.Rig)
	b = appendNumbers(b, f.Seq, uint64(f.PTS))
	b = record.AppendTime(b, f.Captured)
	b = record.AppendString(b, f.Label)
	b = record.AppendString(b, f.Ref.Topic)
	b = appendNumbers(b, uint64(f.Ref.Partition), uint64(f.Ref.Offset), uint64(f.Width), uint64(f.Height))
	return append(b, f.Pix...)
}

// lanes are the cameras in a fixed order.
func (s *Sampler) lanes() []lane {
	lanes := make([]lane, 0, len(s.tracks))
	for l := range s.tracks {
		lanes = append(lanes, l)
	}
	slices.SortFunc(lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(a.rig, b.rig), cmp.Compare(a.camera, b.camera))
	})
	return lanes
}

func (s *Sampler) appendTracks(b []byte, frames *table) []byte {
	b = appendNumbers(b, uint64(len(s.tracks)))
	for _, l := range s.lanes() {
		t := s.tracks[l]
		b = appendNumbers(b, frames.index[t.last], t.scene)
		b = record.AppendTime(b, t.seen)
	}
	return b
}

// appendAnchors writes anchors; those that lie in both buffers are written in both and become two on
// reading, which nobody can tell apart.
func appendAnchors(b []byte, anchors []*anchor, frames *table) []byte {
	b = appendNumbers(b, uint64(len(anchors)))
	for _, a := range anchors {
		b = appendNumbers(b, frames.index[a.frame])
		for _, partners := range [][]*frame.Frame{a.near, a.views} {
			b = appendNumbers(b, uint64(len(partners)))
			for _, f := range partners {
				b = appendNumbers(b, frames.index[f])
			}
		}
	}
	return b
}

// numbers are the counts in the order of the snapshot.
func (c *Counts) numbers() []uint64 {
	var ns []uint64
	for _, p := range c.fields() {
		ns = append(ns, *p)
	}
	return ns
}

func (c *Counts) fields() []*uint64 {
	return []*uint64{&c.Pushed, &c.IllFormed, &c.Disordered, &c.Frozen, &c.Alone, &c.Admitted,
		&c.Scenes, &c.Hurried, &c.ViewsFound, &c.ViewsRefused, &c.Temporal, &c.Views}
}
