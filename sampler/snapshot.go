package sampler

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/nearfar/nearfar/internal/record"
	"github.com/nearfar/nearfar/streams/frame"
)

// snapshotMagic names the format and its version; a new layout gets a new name.
const snapshotMagic = "nearfar sampler 3"

// WriteTo writes the whole state, pixels included, so that Read continues byte for byte. Records: a header
// with the counts, each distinct frame once, then each rig, replay buffer and newest anchors, which
// name frames by number, then what minimum redundancy knows of each anchor. Equal states give equal bytes.
// The size is about that of Bytes.
func (s *Sampler) WriteTo(w io.Writer) (int64, error) {
	out := record.NewWriter(w)
	frames := s.frames()
	p := record.AppendString(nil, snapshotMagic)
	p = record.AppendString(p, s.replay.policy)
	p = appendNumbers(p, uint64(s.replay.size), uint64(s.replay.short), uint64(s.replay.recent.size), uint64(s.cfg.Clip.Frames))
	p = appendNumbers(p, s.replay.seen, uint64(s.taken))
	p = appendNumbers(p, s.counts.numbers()...)
	p = appendNumbers(p, uint64(len(frames.list)), uint64(len(s.rigs)), uint64(s.replay.next), uint64(s.replay.recent.next))
	out.Record(p)
	for _, f := range frames.list {
		p = appendFrame(p[:0], f)
		out.Record(p)
	}
	for _, name := range s.rigNames() {
		p = appendRig(p[:0], name, s.rigs[name], frames)
		out.Record(p)
	}
	out.Record(appendKept(p[:0], &s.replay, frames))
	out.Record(appendRecent(p[:0], &s.replay, frames))
	s.replay.minred.write(out)
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

// cameras are the cameras of a rig in a fixed order.
func (r *rig) cameras() []string { return slices.Sorted(maps.Keys(r.tracks)) }

// appendRig writes a rig: its clock, its cameras, its window.
func appendRig(b []byte, name string, r *rig, frames *table) []byte {
	b = record.AppendString(b, name)
	b = record.AppendTime(b, r.now)
	b = appendNumbers(b, r.pushed, uint64(r.waiting), uint64(len(r.tracks)))
	for _, camera := range r.cameras() {
		t := r.tracks[camera]
		b = appendNumbers(b, frames.index[t.last], t.scene)
		b = record.AppendTime(b, t.seen)
	}
	b = appendNumbers(b, uint64(len(r.window)))
	for _, m := range r.window {
		b = appendNumbers(b, frames.index[m.frame], m.scene)
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
		&c.Scenes, &c.Hurried, &c.ViewsFound, &c.ViewsRefused, &c.Clips, &c.ClipsShort, &c.Temporal, &c.Views}
}
