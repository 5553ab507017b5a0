// Package topic sends embeddings to a Kafka topic: JSON values keyed by id, so that a compacted topic keeps one record
// per id.
package topic

import (
	"context"
	"fmt"
	"sync"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Writer is what the sink needs of a topic: Write returns once every message is acknowledged, and is safe for
// several goroutines.
type Writer interface {
	Write(ctx context.Context, messages ...frame.Message) error
	Close() error
}

// Sink sends a batch with one call of its writer.
type Sink struct {
	w    Writer
	name string

	mu     sync.RWMutex // held for reading while a batch is on its way: Close waits for it
	closed bool
}

var _ sinks.Sink = (*Sink)(nil)

// New takes over w, which writes the topic of that name, and closes it in the end.
func New(w Writer, name string) *Sink { return &Sink{w: w, name: name} }

// Write implements sinks.Sink.
func (s *Sink) Write(ctx context.Context, batch []frame.Embedding) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return fmt.Errorf("sending embeddings to topic %s: %w", s.name, sinks.ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("sending embeddings to topic %s: %w", s.name, ctx.Err())
	case len(batch) == 0:
		return nil
	}
	if err := sinks.Check(batch); err != nil {
		return fmt.Errorf("sending embeddings to topic %s: %w", s.name, err)
	}
	messages := make([]frame.Message, len(batch))
	for i, e := range batch {
		var err error
		if messages[i], err = e.Message(); err != nil {
			return fmt.Errorf("sending embeddings to topic %s: %w", s.name, err)
		}
	}
	if err := s.w.Write(ctx, messages...); err != nil {
		return fmt.Errorf("sending %d embeddings to topic %s: %w", len(batch), s.name, err)
	}
	return nil
}

// Close implements sinks.Sink: it waits for batches on their way.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.w.Close(); err != nil {
		return fmt.Errorf("closing topic %s: %w", s.name, err)
	}
	return nil
}
