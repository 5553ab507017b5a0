package online

import (
	"context"
	"sync"
	"time"
)

// every calls fn at once and then regularly, beside what else is done, until stop is called; stop waits for it.
func every(ctx context.Context, d time.Duration, fn func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for ctx.Err() == nil {
			fn(ctx)
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); running.Wait() }
}
