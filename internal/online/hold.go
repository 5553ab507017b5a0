package online

import (
	"context"
	"errors"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
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

// Held is a sink that takes nothing from a trainer which is not certainly the one: for sinks that are written to
// behind the trainer's back, out of a queue.
func Held(s sinks.Sink, h Hold) sinks.Sink { return heldSink{s, h} }

type heldSink struct {
	sinks.Sink
	hold Hold
}

func (s heldSink) Write(ctx context.Context, batch []frame.Embedding) error {
	if err := s.hold.Check(ctx); err != nil {
		return err
	}
	return s.Sink.Write(ctx, batch)
}

func (s heldSink) Flush() error {
	if f, ok := s.Sink.(sinks.Flusher); ok {
		return f.Flush()
	}
	return nil
}

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
