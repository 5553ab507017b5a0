package sampler

import (
	"math/rand/v2"

	"github.com/nearfar/nearfar/streams/frame"
)

// PaintClips is Paint for clips of k frames each, clip by clip, where all frames of a clip have the same look:
// what differs between its pictures is what happened. Objectives that ask for order need that; looks drawn for
// each frame would shift pictures further than anything moves.
func (s *Sampler) PaintClips(dst []float32, frames []*frame.Frame, k, size int, d *Draw, use string) {
	n := size * size * 3
	if len(dst) != len(frames)*n || k < 1 || len(frames)%k != 0 {
		panic("sampler: a painting of clips must have room for whole clips")
	}
	s.painter.each(len(frames)/k, d.numbers.of(use), func(w *worker, clip int, r *rand.Rand) {
		l := s.cfg.Augment.draw(r, size)
		for i := clip * k; i < (clip+1)*k; i++ {
			w.renderer.render(dst[i*n:(i+1)*n], frames[i], size, &l)
		}
	})
}
