package main

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// deadline ends the process where it has not ended by itself for so long after a signal: a sink that takes nothing,
// or a broker that is away, must not keep a service manager waiting. What is not saved then is as if the process
// had been killed: the next start goes on from the last checkpoint. The returned function calls it off. 0: never.
func deadline(ctx context.Context, after time.Duration, log *slog.Logger) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		if _, signalled := wasInterrupted(ctx); !signalled || after <= 0 {
			return
		}
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-over:
		case <-timer.C:
			log.Error("not everything could be saved in time; start it again to go on from the last checkpoint", "run.drain", after)
			os.Exit(exitTemporary)
		}
	}()
	return func() { close(over); <-done }
}
