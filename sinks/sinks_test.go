package sinks_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/sinks/stdout"
)

// flushed is a sink that counts.
type flushed struct {
	sinks.Sink
	flushes int
	err     error
}

func (f *flushed) Flush() error { f.flushes++; return f.err }

func TestAllWritesToTheOthersWhenOneFails(t *testing.T) {
	var first, second bytes.Buffer
	a, b := stdout.New(&first), stdout.New(&second)
	s := sinks.All(a, b)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), sinkstest.Make(0, 2, 4)); !errors.Is(err, sinks.ErrClosed) {
		t.Errorf("got %v, want the first one's error", err)
	}
	if first.Len() != 0 || bytes.Count(second.Bytes(), []byte("\n")) != 2 {
		t.Errorf("%d bytes and %q", first.Len(), second.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Write(t.Context(), nil); !errors.Is(err, sinks.ErrClosed) {
		t.Errorf("the second is still open: %v", err)
	}
}

func TestAllFlushesWhatCanFlush(t *testing.T) {
	full := errors.New("disk full")
	a := &flushed{Sink: stdout.New(&bytes.Buffer{}), err: full}
	b := &flushed{Sink: stdout.New(&bytes.Buffer{})}
	s := sinks.All(a, stdout.New(&bytes.Buffer{}), b)
	if err := s.(sinks.Flusher).Flush(); !errors.Is(err, full) || a.flushes != 1 || b.flushes != 1 {
		t.Errorf("%v, %d and %d flushes", err, a.flushes, b.flushes)
	}
}
