package online

import (
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

const (
	frozenAfter   = 10 * time.Second // of one picture, in capture time: a camera's noise changes some byte of every frame
	frozenCameras = 1024             // that are watched: whoever writes to the topic names as many as he likes
)

// freeze watches for cameras that send one picture again and again. Such frames make no pairs (the sampler
// counts them), so a dead sensor behind a live encoder would otherwise show as nothing but a good loss.
type freeze struct {
	log  *slog.Logger
	seed maphash.Seed
	last map[string]*still
	now  int // cameras that are frozen
}

// still is the picture that a camera shows, and since when.
type still struct {
	hash  uint64
	since time.Time // capture time
	told  bool
}

func newFreeze(log *slog.Logger) *freeze {
	return &freeze{log: log, seed: maphash.MakeSeed(), last: map[string]*still{}}
}

// look takes the next frame of a camera, in the order of the log.
func (w *freeze) look(f *frame.Frame) {
	hash := maphash.Bytes(w.seed, f.Pix)
	s, ok := w.last[f.Camera]
	switch {
	case !ok && len(w.last) >= frozenCameras:
	case !ok:
		w.last[f.Camera] = &still{hash: hash, since: f.Captured}
	case s.hash != hash:
		if s.told {
			w.now--
			w.log.Info("camera moves again", "camera", f.Camera, "after", f.Captured.Sub(s.since))
		}
		*s = still{hash: hash, since: f.Captured}
	case !s.told && f.Captured.Sub(s.since) >= frozenAfter:
		s.told = true
		w.now++
		w.log.Warn("camera is frozen: it sends the very same picture, from which nothing can be learned; look at the camera or its encoder",
			"camera", f.Camera, "since", s.since, "offset", f.Ref.Offset)
	}
}

// cameras is how many are frozen.
func (w *freeze) cameras() int { return w.now }
