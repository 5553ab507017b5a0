package online

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/nearfar/nearfar/sinks"
)

// fail saves everything and ends the run with err.
func (r *run) fail(err error) error {
	if saveErr := r.end(r.trainer.Checkpoint()); saveErr != nil && !errors.Is(saveErr, err) {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("%w (the run was saved in %s: start it again to go on)", err, r.result.Checkpoint)
}

// flushSinks makes what the sinks took survive a power cut, where they can.
func (r *run) flushSinks() error {
	var errs []error
	for _, s := range r.o.Sinks {
		if f, ok := s.(sinks.Flusher); ok {
			errs = append(errs, f.Flush())
		}
	}
	return errors.Join(errs...)
}

// settler is a sink that keeps what its destination does not take, and sends it once that is back.
type settler interface {
	Settle(ctx context.Context) error
}

// settle waits for embeddings that are still on their way when a run is over, as long as for a broker. One that is
// only interrupted leaves them for its next start.
func (r *run) settle(err error) error {
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Kafka.Timeout)
	defer cancel()
	for _, s := range r.o.Sinks {
		if s, ok := s.(settler); ok {
			err = errors.Join(err, s.Settle(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("%w (the run was saved in %s: start it again, and they are sent)", err, r.result.Checkpoint)
	}
	return nil
}

// end keeps the final accounts. A sink that failed at the very end is an error, too.
func (r *run) end(err error) error {
	r.result.Counts, r.result.Sampled, r.result.Positions = r.trainer.Counts(), r.trainer.Sampler(), maps.Clone(r.trainer.Positions())
	r.account()
	if err == nil {
		err = r.box.err
	}
	return err
}
