// Package sinks says what a destination of embeddings is. Each kind has a folder: files (JSON lines), topic (Kafka),
// stdout. A new kind joins the conformance suite sinkstest with one line.
package sinks

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nearfar/nearfar/streams/frame"
)

// Sink takes embeddings. Embeddings come at least once, each with an id that is the same every time: a sink that can
// look up ids keeps one record of each ("upserts").
type Sink interface {
	// Write hands a batch over and returns once the destination has it: what was written survives the death of
	// this process. A batch that fails Check, and one whose ctx has ended, is refused whole. After any other error
	// the batch is to be written again; sinks that upsert then hold each record once. The sink keeps neither the
	// slice nor its vectors. It is safe for several goroutines; a batch is never mixed with another.
	Write(ctx context.Context, batch []frame.Embedding) error

	// Close makes what was written as durable as the destination can and releases what the sink opened itself.
	// Closing again does nothing; a Write after it is an error.
	Close() error
}

// Flusher is a Sink that can make what was written survive a power cut before it is closed, as a checkpoint wants.
type Flusher interface {
	Flush() error
}

// ErrClosed is what a Write after Close returns.
var ErrClosed = errors.New("the sink is closed")

// Check reports what no sink may take: an embedding without an id, without a vector, or with numbers that are not
// finite (neither JSON nor any index has them).
func Check(batch []frame.Embedding) error {
	for _, e := range batch {
		if e.ID == "" {
			return fmt.Errorf("embedding of camera %s, frame %s has no id", e.Camera, e.Ref)
		}
		if len(e.Vector) == 0 {
			return fmt.Errorf("embedding %s (camera %s, frame %s) has no vector", e.ID, e.Camera, e.Ref)
		}
		for i, v := range e.Vector {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("embedding %s (camera %s, frame %s): number %d of the vector is %g; model %s has diverged",
					e.ID, e.Camera, e.Ref, i, v, e.Model)
			}
		}
	}
	return nil
}

// All is a sink that writes to several, in order. A batch that one of them refuses still goes to the others; the
// errors are joined.
func All(all ...Sink) Sink { return several(all) }

type several []Sink

func (s several) Write(ctx context.Context, batch []frame.Embedding) error {
	var errs []error
	for _, sink := range s {
		errs = append(errs, sink.Write(ctx, batch))
	}
	return errors.Join(errs...)
}

func (s several) Flush() error {
	var errs []error
	for _, sink := range s {
		if f, ok := sink.(Flusher); ok {
			errs = append(errs, f.Flush())
		}
	}
	return errors.Join(errs...)
}

func (s several) Close() error {
	var errs []error
	for _, sink := range s {
		errs = append(errs, sink.Close())
	}
	return errors.Join(errs...)
}
