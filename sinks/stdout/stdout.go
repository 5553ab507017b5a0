// Package stdout writes embeddings as JSON lines for the next program in a pipe.
package stdout

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Sink writes to a stream it does not own.
type Sink struct{ w *bufio.Writer }

var _ sinks.Sink = (*Sink)(nil)

// New writes to w.
func New(w io.Writer) *Sink { return &Sink{bufio.NewWriter(w)} }

// Write implements sinks.Sink; each batch reaches the stream at once.
func (s *Sink) Write(_ context.Context, es []frame.Embedding) error {
	enc := json.NewEncoder(s.w)
	for _, e := range es {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("writing embedding %s to standard output: %w", e.ID, err)
		}
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("writing embeddings to standard output: %w", err)
	}
	return nil
}

// Close implements sinks.Sink; the stream stays open.
func (s *Sink) Close() error { return s.w.Flush() }
