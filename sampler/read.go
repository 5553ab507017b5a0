package sampler

import (
	"fmt"
	"io"

	"github.com/nearfar/nearfar/internal/record"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// maxSide bounds the pictures of a snapshot, px.
const maxSide = 1 << 14

// Read reads what WriteTo wrote, and not a byte more: a sampler that goes on as the written one would
// have, given the same configuration and seed. Give it a buffered reader. Memory grows with the bytes that
// really come. Errors: another format, damage, a replay buffer other than the configuration asks for, a
// failing reader.
func Read(r io.Reader, cfg Config, sd seed.Seed) (*Sampler, error) {
	s := New(cfg, sd)
	if err := s.read(record.NewReader(r)); err != nil {
		return nil, fmt.Errorf("reading the sampler: %w", err)
	}
	return s, nil
}

func (s *Sampler) read(in *record.Reader) error {
	n, rigs, err := s.readHeader(in)
	if err != nil {
		return err
	}
	var frames []*frame.Frame
	for i := range n {
		f, err := readFrame(in)
		if err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		frames = append(frames, f)
	}
	for i := range rigs {
		if err := s.readRig(in, frames); err != nil {
			return fmt.Errorf("rig %d: %w", i, err)
		}
	}
	if err := s.readKept(in, frames); err != nil {
		return err
	}
	if err := s.readRecent(in, frames); err != nil {
		return err
	}
	if err := s.replay.minred.read(in, len(s.replay.kept)); err != nil {
		return err
	}
	if err := s.checkRead(); err != nil {
		return err
	}
	return in.Close()
}

// readHeader reads all that is not frames and returns how many frames and rigs follow.
func (s *Sampler) readHeader(in *record.Reader) (frames, rigs uint64, err error) {
	head, err := in.Record()
	if err != nil {
		return 0, 0, err
	}
	if magic := head.String(); magic != snapshotMagic {
		return 0, 0, fmt.Errorf("%w: it begins with %.20q, not %q", record.ErrCorrupt, magic, snapshotMagic)
	}
	r := &s.replay
	policy, size, short, recent, clip := head.String(), head.Uint64(), head.Uint64(), head.Uint64(), head.Uint64()
	if !head.Short() && (policy != r.policy || size != uint64(r.size) || short != uint64(r.short) || recent != uint64(r.recent.size)) {
		return 0, 0, fmt.Errorf("it holds a replay buffer %.20q of %d anchors, %d of them in order, and the %d newest, the configuration asks for %q of %d, %d in order, and the %d newest",
			policy, size, short, recent, r.policy, r.size, r.short, r.recent.size)
	}
	if !head.Short() && clip != uint64(s.cfg.Clip.Frames) {
		return 0, 0, fmt.Errorf("it holds clips of %d frames, the configuration asks for %d", clip, s.cfg.Clip.Frames)
	}
	r.seen, s.taken = head.Uint64(), int64(head.Uint64())
	for _, p := range s.counts.fields() {
		*p = head.Uint64()
	}
	frames, rigs = head.Uint64(), head.Uint64()
	r.next, r.recent.next = int(head.Uint64()), int(head.Uint64())
	return frames, rigs, head.Done("header")
}

func readFrame(in *record.Reader) (*frame.Frame, error) {
	rec, err := in.Record()
	if err != nil {
		return nil, err
	}
	f := &frame.Frame{Meta: frame.Meta{Camera: rec.String(), Rig: rec.String()}}
	f.Seq, f.PTS = rec.Uint64(), rec.Duration()
	f.Captured, f.Label = rec.Time(), rec.String()
	f.Ref.Topic, f.Ref.Partition, f.Ref.Offset = rec.String(), int(rec.Uint64()), int64(rec.Uint64())
	w, h := rec.Uint64(), rec.Uint64()
	if rec.Short() || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("%w: it is too short or claims %d×%d px", record.ErrCorrupt, w, h)
	}
	f.Width, f.Height, f.Pix = int(w), int(h), append([]byte(nil), rec.Rest()...)
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", record.ErrCorrupt, err)
	}
	return f, nil
}

// readNumber reads the number of a frame.
func readNumber(f *record.Fields, frames []*frame.Frame) *frame.Frame {
	i := f.Uint64()
	if i >= uint64(len(frames)) {
		f.Fail()
	}
	if f.Short() {
		return nil
	}
	return frames[i]
}

// readRig reads one rig: its clock, its cameras, its window.
func (s *Sampler) readRig(in *record.Reader, frames []*frame.Frame) error {
	rec, err := in.Record()
	if err != nil {
		return err
	}
	name := rec.String()
	r := &rig{tracks: map[string]track{}, now: rec.Time(), pushed: rec.Uint64(), waiting: int(rec.Uint64())}
	for n := rec.Uint64(); n > 0 && !rec.Short(); n-- {
		t := track{last: readNumber(rec, frames), scene: rec.Uint64(), seen: rec.Time()}
		if !rec.Short() {
			r.tracks[t.last.Camera] = t
		}
	}
	for n := rec.Uint64(); n > 0 && !rec.Short(); n-- {
		m := moment{readNumber(rec, frames), rec.Uint64()}
		if !rec.Short() {
			r.window = append(r.window, m)
		}
	}
	if err := rec.Done("list of cameras and frames"); err != nil {
		return err
	}
	if _, twice := s.rigs[name]; twice {
		return fmt.Errorf("%w: it names rig %.40q twice", record.ErrCorrupt, name)
	}
	s.rigs[name] = r
	return r.check(s.cfg)
}

// checkRead looks at what the parts promise one another.
func (s *Sampler) checkRead() error {
	if s.replay.seen != s.counts.Admitted || s.replay.seen > 1<<62 || !s.replay.consistent() {
		return fmt.Errorf("%w: its replay buffer contradicts itself", record.ErrCorrupt)
	}
	return nil
}

func (r *rig) check(c Config) error {
	switch {
	case r.waiting < 0 || r.waiting > len(r.window):
		return fmt.Errorf("%w: the window holds %d frames but begins to wait at %d", record.ErrCorrupt, len(r.window), r.waiting)
	case len(r.window) > c.Limit:
		return fmt.Errorf("it holds a window of %d frames, the configuration asks for at most %d", len(r.window), c.Limit)
	}
	for i := 1; i < len(r.window); i++ {
		if r.window[i].frame.Captured.Before(r.window[i-1].frame.Captured) {
			return fmt.Errorf("%w: its window is not in order of capture", record.ErrCorrupt)
		}
	}
	return nil
}
