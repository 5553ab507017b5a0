// Package stdout writes embeddings as JSON lines to a stream, for the next program of a pipe.
package stdout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Sink writes one line per embedding, a batch with one call. It does not look up ids: what comes twice is written twice.
type Sink struct {
	mu     sync.Mutex
	w      io.Writer
	buf    bytes.Buffer
	err    error // of the first write that failed: the line it broke off in cannot be taken back
	closed bool
}

var _ sinks.Sink = (*Sink)(nil)

// New writes to w, os.Stdout as a rule, and never closes it.
func New(w io.Writer) *Sink { return &Sink{w: w} }

// Write implements sinks.Sink.
func (s *Sink) Write(ctx context.Context, batch []frame.Embedding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return fmt.Errorf("writing embeddings to the output stream: %w", sinks.ErrClosed)
	case s.err != nil:
		return s.err
	case ctx.Err() != nil:
		return fmt.Errorf("writing embeddings to the output stream: %w", ctx.Err())
	case len(batch) == 0:
		return nil
	}
	if err := sinks.Check(batch); err != nil {
		return fmt.Errorf("writing embeddings to the output stream: %w", err)
	}
	s.buf.Reset()
	lines := json.NewEncoder(&s.buf)
	for _, e := range batch {
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("writing embedding %s to the output stream: %w", e.ID, err)
		}
	}
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		s.err = fmt.Errorf("writing embeddings to the output stream: %w", err)
	}
	return s.err
}

// Close implements sinks.Sink.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
