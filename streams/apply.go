package streams

import (
	"context"
	"fmt"
	"sync"
)

// Apply calls fn on every element, on up to `workers` of them at once, and keeps their order.
//
//	in  -- 1 -- 2 ---- 3 -- 4 --
//	[ --------- fn ------------ ]
//	out -- 1' - 2' --- 3' - 4' -
//
// An element on which fn fails or panics goes to failed (the dead letters), in order, never two at a
// time, and does not come out. The pipeline ends if failed is nil or returns an error. At most
// workers+2 elements are held at a time. Fewer than one worker counts as one.
func Apply[A, B any](s Stream[A], name string, workers int,
	fn func(context.Context, A) (B, error), failed func(context.Context, A, error) error) Stream[B] {
	workers = max(workers, 1)
	type job struct {
		in   A
		out  Result[B]
		done chan struct{}
	}
	return stage(s, name, func(ctx context.Context, in <-chan any, out port[B]) error {
		work := make(chan *job)
		order := make(chan *job, workers)
		var pool sync.WaitGroup
		for range workers {
			pool.Go(func() {
				for j := range work {
					if ctx.Err() == nil {
						j.out.Err = guard(func() (err error) { j.out.Val, err = fn(ctx, j.in); return err })
					}
					close(j.done)
				}
			})
		}
		// The collector reads the jobs in the order of arrival. It never stops before that channel is
		// closed, or the loop below would block.
		var fatal error
		var collector sync.WaitGroup
		collector.Go(func() {
			for j := range order {
				<-j.done
				if fatal != nil || ctx.Err() != nil {
					continue
				}
				if j.out.Err == nil {
					out.send(j.out.Val)
					continue
				}
				fatal = guard(func() error {
					if failed == nil {
						return j.out.Err
					}
					return failed(ctx, j.in, j.out.Err)
				})
				if fatal != nil { // said at once: the loop below may wait long for its next element
					s.p.fail(fmt.Errorf("%s: %w", name, fatal))
				}
			}
		})
		for v := range in {
			if ctx.Err() != nil {
				break
			}
			a, err := as[A](v)
			if err != nil {
				s.p.fail(fmt.Errorf("%s: %w", name, err))
				break
			}
			j := &job{in: a, done: make(chan struct{})}
			order <- j
			work <- j
		}
		close(order)
		close(work)
		pool.Wait()
		collector.Wait()
		return nil
	})
}
