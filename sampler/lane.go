package sampler

import (
	"bytes"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// track is what is remembered of a camera: enough to tell scenes and frozen pictures.
type track struct {
	last  *frame.Frame // its last picture that was not frozen
	seen  time.Time    // when its last picture was captured, frozen or not
	scene uint64
}

// follow sorts a frame into its camera's scene. A hole in capture time longer than Gap begins a new scene.
// A picture equal to the one before it in the scene is frozen: it carries nothing new, and as a positive
// it would teach the network to answer a constant.
func (s *Sampler) follow(r *rig, f *frame.Frame) (scene uint64, frozen bool) {
	t, known := r.tracks[f.Camera]
	if !known || f.Captured.Sub(t.seen) > s.cfg.Gap {
		s.forget(r)
		s.counts.Scenes++
		r.tracks[f.Camera] = track{last: f, seen: f.Captured, scene: s.counts.Scenes}
		return s.counts.Scenes, false
	}
	frozen = f.Width == t.last.Width && f.Height == t.last.Height && bytes.Equal(f.Pix, t.last.Pix)
	t.seen = f.Captured
	if !frozen {
		t.last = f
	}
	r.tracks[f.Camera] = t
	return t.scene, frozen
}

// forget drops cameras whose scene is over anyway, so that a stream of ever new names stays bounded.
func (s *Sampler) forget(r *rig) {
	for camera, t := range r.tracks {
		if r.now.Sub(t.seen) > s.cfg.Gap {
			delete(r.tracks, camera)
		}
	}
}
