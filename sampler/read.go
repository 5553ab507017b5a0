package sampler

import (
	"fmt"
	"io"

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
	if err := s.read(&recordReader{r: r}); err != nil {
		return nil, fmt.Errorf("reading the sampler: %w", err)
	}
	return s, nil
}

func (s *Sampler) read(in *recordReader) error {
	n, err := s.readHeader(in)
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
	if err := s.readTracks(in, frames); err != nil {
		return err
	}
	if err := s.readWindow(in, frames); err != nil {
		return err
	}
	if s.replay.kept, err = readAnchors(in, frames, "replay buffer"); err != nil {
		return err
	}
	if s.replay.recent.items, err = readAnchors(in, frames, "newest anchors"); err != nil {
		return err
	}
	if err := s.checkRead(); err != nil {
		return err
	}
	return in.close()
}

// readHeader reads all that is not frames and returns how many frames follow.
func (s *Sampler) readHeader(in *recordReader) (frames uint64, err error) {
	head, err := in.record()
	if err != nil {
		return 0, err
	}
	if magic := head.string(); magic != snapshotMagic {
		return 0, fmt.Errorf("%w: it begins with %.20q, not %q", errCorrupt, magic, snapshotMagic)
	}
	policy, size, recent := head.string(), head.uint64(), head.uint64()
	if !head.short && (policy != s.replay.policy || size != uint64(s.replay.size) || recent != uint64(s.replay.recent.size)) {
		return 0, fmt.Errorf("it holds a replay buffer %.20q of %d anchors and the %d newest, the configuration asks for %q of %d and the %d newest",
			policy, size, recent, s.replay.policy, s.replay.size, s.replay.recent.size)
	}
	s.replay.seen, s.taken = head.uint64(), int64(head.uint64())
	for _, p := range s.counts.fields() {
		*p = head.uint64()
	}
	s.now = head.time()
	frames = head.uint64()
	s.waiting, s.replay.next, s.replay.recent.next = int(head.uint64()), int(head.uint64()), int(head.uint64())
	return frames, head.done("header")
}

func readFrame(in *recordReader) (*frame.Frame, error) {
	rec, err := in.record()
	if err != nil {
		return nil, err
	}
	f := &frame.Frame{Meta: frame.Meta{Camera: rec.string(), Rig: rec.string()}}
	f.Seq, f.PTS = rec.uint64(), rec.duration()
	f.Captured, f.Label = rec.time(), rec.string()
	f.Ref.Topic, f.Ref.Partition, f.Ref.Offset = rec.string(), int(rec.uint64()), int64(rec.uint64())
	w, h := rec.uint64(), rec.uint64()
	if rec.short || w > maxSide || h > maxSide {
		return nil, fmt.Errorf("%w: it is too short or claims %d×%d px", errCorrupt, w, h)
	}
	f.Width, f.Height, f.Pix = int(w), int(h), append([]byte(nil), rec.b...)
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return f, nil
}

// frame reads the number of a frame.
func (f *fields) frame(frames []*frame.Frame) *frame.Frame {
	i := f.uint64()
	if f.short = f.short || i >= uint64(len(frames)); f.short {
		return nil
	}
	return frames[i]
}

func (s *Sampler) readTracks(in *recordReader, frames []*frame.Frame) error {
	rec, err := in.record()
	if err != nil {
		return err
	}
	for n := rec.uint64(); n > 0 && !rec.short; n-- {
		t := track{last: rec.frame(frames), scene: rec.uint64(), seen: rec.time()}
		if !rec.short {
			s.tracks[laneOf(t.last)] = t
		}
	}
	return rec.done("list of cameras")
}

func (s *Sampler) readWindow(in *recordReader, frames []*frame.Frame) error {
	rec, err := in.record()
	if err != nil {
		return err
	}
	for n := rec.uint64(); n > 0 && !rec.short; n-- {
		m := moment{rec.frame(frames), rec.uint64()}
		if !rec.short {
			s.window = append(s.window, m)
		}
	}
	return rec.done("window")
}

func readAnchors(in *recordReader, frames []*frame.Frame, of string) ([]*anchor, error) {
	rec, err := in.record()
	if err != nil {
		return nil, err
	}
	var anchors []*anchor
	for n := rec.uint64(); n > 0 && !rec.short; n-- {
		a := &anchor{frame: rec.frame(frames)}
		for _, partners := range []*[]*frame.Frame{&a.near, &a.views} {
			for k := rec.uint64(); k > 0 && !rec.short; k-- {
				*partners = append(*partners, rec.frame(frames))
			}
		}
		if len(a.near)+len(a.views) == 0 {
			rec.short = true
		}
		anchors = append(anchors, a)
	}
	return anchors, rec.done(of)
}

// checkRead looks at what the parts promise one another.
func (s *Sampler) checkRead() error {
	switch {
	case s.waiting < 0 || s.waiting > len(s.window):
		return fmt.Errorf("%w: the window holds %d frames but begins to wait at %d", errCorrupt, len(s.window), s.waiting)
	case len(s.window) > s.cfg.Limit:
		return fmt.Errorf("it holds a window of %d frames, the configuration asks for at most %d", len(s.window), s.cfg.Limit)
	case s.replay.seen != s.counts.Admitted || s.replay.seen > 1<<62 || !s.replay.consistent():
		return fmt.Errorf("%w: its replay buffer contradicts itself", errCorrupt)
	}
	for i := 1; i < len(s.window); i++ {
		if s.window[i].frame.Captured.Before(s.window[i-1].frame.Captured) {
			return fmt.Errorf("%w: its window is not in order of capture", errCorrupt)
		}
	}
	return nil
}
