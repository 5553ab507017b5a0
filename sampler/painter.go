package sampler

import (
	"math/rand/v2"
	"sync"

	"github.com/nearfar/nearfar/streams/frame"
)

// painter makes pictures with a fixed number of workers. Each row draws from its own numbers, so the
// pictures do not depend on which worker made them or when.
type painter struct{ workers []worker }

type worker struct {
	renderer renderer
	rows     reseeder
}

func newPainter(n int) painter {
	p := painter{workers: make([]worker, n)}
	for i := range p.workers {
		p.workers[i].rows = newReseeder(numbers{})
	}
	return p
}

// each runs f for n rows and returns when all is done.
func (p *painter) each(n int, use numbers, f func(w *worker, row int, r *rand.Rand)) {
	var wait sync.WaitGroup
	for i := range min(n, len(p.workers)) {
		w := &p.workers[i]
		w.rows.numbers = use
		wait.Go(func() {
			for row := i; row < n; row += len(p.workers) {
				f(w, row, w.rows.at(row))
			}
		})
	}
	wait.Wait()
}

// Each runs f for rows 0 to n−1, several at a time, each with its own generator, which is valid until f
// returns; f must not call the sampler. What the numbers are for, use, such as "rotation.turn", tells them
// apart from those of others.
func (s *Sampler) Each(d *Draw, use string, n int, f func(row int, r *rand.Rand)) {
	s.painter.each(n, d.numbers.of(use), func(_ *worker, row int, r *rand.Rand) { f(row, r) })
}

// Paint writes views of any frames, as many as there are, augmented as the configuration says, into dst:
// (len(frames), size, size, 3) NHWC, (x/255 − 0.5)/0.25. Its random numbers are a function of seed, step, use
// and row; use names the purpose, such as "moco.query", so that no two objectives share numbers. No frame
// (nil) is painted grey: zeros.
func (s *Sampler) Paint(dst []float32, frames []*frame.Frame, size int, d *Draw, use string) {
	s.PaintWith(dst, frames, size, d, use, &s.cfg.Augment)
}

// PaintWith is Paint with another augmentation, which has passed Check.
func (s *Sampler) PaintWith(dst []float32, frames []*frame.Frame, size int, d *Draw, use string, aug *AugmentConfig) {
	n := size * size * 3
	if len(dst) != len(frames)*n {
		panic("sampler: a painting must have room for len(frames)·size·size·3 numbers")
	}
	s.painter.each(len(frames), d.numbers.of(use), func(w *worker, row int, r *rand.Rand) {
		view := dst[row*n : (row+1)*n]
		if frames[row] == nil {
			clear(view)
			return
		}
		l := aug.draw(r, size)
		w.renderer.render(view, frames[row], size, &l)
	})
}

// Plain writes a frame as networks see it without augmentation: size×size RGB as NHWC floats,
// (x/255 − 0.5)/0.25, resized by averaging (smaller) or linearly (larger); dst holds size·size·3 numbers.
func Plain(dst []float32, f *frame.Frame, size int) {
	var v renderer
	l := plain()
	v.render(dst, f, size, &l)
}
