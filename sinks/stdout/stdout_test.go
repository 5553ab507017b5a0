package stdout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/streams/frame"
)

// pipe is a stream that outlives its writers.
type pipe struct{ bytes.Buffer }

func (p *pipe) Open(*testing.T) sinks.Sink { return New(p) }

func (p *pipe) Contents(t *testing.T) (all []frame.Embedding) {
	d := json.NewDecoder(bytes.NewReader(p.Bytes()))
	for {
		var e frame.Embedding
		err := d.Decode(&e)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, sinkstest.Features{}, func(*testing.T) sinkstest.Place { return &pipe{} })
}

func TestEveryEmbeddingIsOneLine(t *testing.T) {
	var p pipe
	if err := p.Open(t).Write(t.Context(), sinkstest.Make(0, 3, 4)); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(p.String(), "\n")
	if len(lines) != 4 || lines[3] != "" || !strings.HasPrefix(lines[1], `{"id":"`) {
		t.Errorf("%q", lines)
	}
}

// broken takes half of what it is given, n times so far.
type broken struct{ n int }

func (b *broken) Write(p []byte) (int, error) {
	b.n++
	return len(p) / 2, io.ErrClosedPipe
}

func TestNothingIsWrittenAfterABrokenLine(t *testing.T) {
	var b broken
	s := New(&b)
	for range 2 {
		if err := s.Write(t.Context(), sinkstest.Make(0, 1, 4)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	}
	if b.n != 1 {
		t.Errorf("%d writes, want 1", b.n)
	}
}
