package streams

import (
	"context"
	"time"
)

// Batch gathers up to n elements. A batch leaves when it is full or `wait` after its first element came,
// however steadily others trickle in (go-streams counts from the last element, so that a trickle waits
// until the batch is full). With wait 0 only a full batch leaves. The rest leaves at the end of the stream.
func Batch[T any](s Stream[T], name string, n int, wait time.Duration) Stream[[]T] {
	n = max(n, 1)
	return stage(s, name, func(ctx context.Context, in <-chan any, out port[[]T]) error {
		var batch []T
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		defer timer.Stop()
		flush := func() bool {
			timer.Stop()
			full := batch
			batch = nil
			return len(full) == 0 || out.send(full)
		}
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
				if !flush() {
					return nil
				}
			case v, ok := <-in:
				if !ok {
					flush()
					return nil
				}
				t, err := as[T](v)
				if err != nil {
					return err
				}
				batch = append(batch, t)
				if len(batch) == 1 && wait > 0 {
					timer.Reset(wait)
				}
				if len(batch) == n && !flush() {
					return nil
				}
			}
		}
	})
}
