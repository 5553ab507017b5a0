package online

import (
	"context"
	"errors"

	"github.com/nearfar/nearfar/streams/topic"
)

// Hold is being the one trainer of a run, which another may take over when this process stands still for too long.
type Hold interface {
	// Check returns nil while this is certainly the one, an error that is topic.ErrFenced when another has taken
	// over, and any other error where that could not be found out.
	Check(context.Context) error
	// Lost is closed when another has taken over.
	Lost() <-chan struct{}
	// Epoch counts the trainers of the run.
	Epoch() uint64
}

// alone is the hold of a trainer that has no others to fear.
type alone struct{}

func (alone) Check(context.Context) error { return nil }
func (alone) Lost() <-chan struct{}       { return nil }
func (alone) Epoch() uint64               { return 0 }

// hold ends what ctx bounds when another trainer has taken over. stop ends the watch.
func hold(ctx context.Context, h Hold) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-h.Lost():
			cancel(topic.ErrFenced)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}

// flush is the last step before a checkpoint, which a trainer that was replaced does not write. One that cannot find
// out does: the lock on the run's folder still keeps others of this machine away from it.
func (r *run) flush() error {
	if err := r.o.Hold.Check(context.Background()); errors.Is(err, topic.ErrFenced) {
		return err
	}
	return r.flushSinks()
}
