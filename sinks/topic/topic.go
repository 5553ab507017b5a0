// Package topic publishes embeddings to Kafka, keyed by id: a compacted topic keeps one record of each.
package topic

import (
	"context"
	"fmt"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Writer is a Kafka writer that returns once all messages are acknowledged.
type Writer interface {
	Write(ctx context.Context, messages ...frame.Message) error
	Close() error
}

// Sink writes to one topic.
type Sink struct{ w Writer }

var _ sinks.Sink = (*Sink)(nil)

// New takes over the writer.
func New(w Writer) *Sink { return &Sink{w} }

// Write implements sinks.Sink: it returns once the broker has acknowledged every record.
func (s *Sink) Write(ctx context.Context, es []frame.Embedding) error {
	messages := make([]frame.Message, len(es))
	for i, e := range es {
		m, err := e.Message()
		if err != nil {
			return err
		}
		messages[i] = m
	}
	if err := s.w.Write(ctx, messages...); err != nil {
		return fmt.Errorf("publishing %d embeddings: %w", len(es), err)
	}
	return nil
}

// Close implements sinks.Sink.
func (s *Sink) Close() error { return s.w.Close() }
