package sampler

import (
	"math/rand/v2"
	"sync"

	"github.com/nearfar/nearfar/streams/frame"
)

// painter makes the views of a batch with a fixed number of workers. Each view draws from the numbers of
// its own row and use, so the pictures do not depend on which worker made them or when.
type painter struct{ workers []worker }

type worker struct {
	renderer renderer
	pcg      rand.PCG
}

func newPainter(n int) painter { return painter{workers: make([]worker, n)} }

// paint fills Query and Key of a batch whose frames are chosen, and returns when all is done.
func (p *painter) paint(b *Batch, c *AugmentConfig, d draws) {
	var wait sync.WaitGroup
	for i := range p.workers {
		w := &p.workers[i]
		wait.Go(func() {
			d := d.fork(&w.pcg)
			for row := i; row < b.N; row += len(p.workers) {
				w.view(b.Query, b.Anchor[row], b, row, c, d.at(row, useQuery))
				w.view(b.Key, b.Positive[row], b, row, c, d.at(row, useKey))
			}
		})
	}
	wait.Wait()
}

func (w *worker) view(dst []float32, f *frame.Frame, b *Batch, row int, c *AugmentConfig, r *rand.Rand) {
	n := b.Size * b.Size * 3
	l := c.draw(r, b.Size)
	w.renderer.render(dst[row*n:(row+1)*n], f, b.Size, &l)
}

// Plain writes a frame as networks see it without augmentation: size×size RGB as NHWC floats,
// (x/255 − 0.5)/0.25, resized by averaging (smaller) or linearly (larger); dst holds size·size·3 numbers.
func Plain(dst []float32, f *frame.Frame, size int) {
	var v renderer
	l := plain()
	v.render(dst, f, size, &l)
}
