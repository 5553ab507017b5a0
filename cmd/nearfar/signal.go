package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ sig syscall.Signal }

func (i interrupted) Error() string { return "stopped by " + i.sig.String() }

// Is makes it one of the errors of a cancelled context: calls that were cut short return it as the cause.
func (i interrupted) Is(target error) bool { return target == context.Canceled }

// code is the exit code by which shells tell that a signal ended a process.
func (i interrupted) code() int { return 128 + int(i.sig) }

// signals is a context that the first SIGINT or SIGTERM cancels, so that a command can drain; the second
// ends the process at once.
func signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case s := <-caught:
				sig, ok := s.(syscall.Signal)
				if n > 0 && ok {
					os.Exit(interrupted{sig}.code())
				}
				cancel(interrupted{sig})
			}
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		close(done)
		cancel(nil)
	}
}

// wasInterrupted says whether a signal cancelled the context, and which.
func wasInterrupted(ctx context.Context) (interrupted, bool) {
	var i interrupted
	ok := errors.As(context.Cause(ctx), &i)
	return i, ok
}
