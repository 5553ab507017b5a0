// Package sinkstest is the conformance suite that every kind of sink passes.
package sinkstest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Place is one destination of one kind, empty at first.
type Place interface {
	Open(t *testing.T) sinks.Sink            // again after a Close, or after a sink was left without one
	Contents(t *testing.T) []frame.Embedding // everything that has arrived, in order
}

// Features says what a kind of sink can do beyond what all can.
type Features struct {
	Upserts bool // one record per id, whatever is repeated, also after reopening
}

// Run checks a kind of sink; place makes a new destination.
func Run(t *testing.T, features Features, place func(t *testing.T) Place) {
	t.Run("WritesEveryEmbeddingInOrder", func(t *testing.T) { inOrder(t, place(t)) })
	t.Run("KeepsEveryFieldExactly", func(t *testing.T) { exact(t, place(t)) })
	t.Run("HasABatchOnceWriteReturns", func(t *testing.T) { atOnce(t, place(t)) })
	t.Run("RefusesABadBatchWhole", func(t *testing.T) { refuses(t, place(t)) })
	t.Run("WritesNothingOnceCancelled", func(t *testing.T) { cancelled(t, place(t)) })
	t.Run("ClosesOnceAndForAll", func(t *testing.T) { closes(t, place(t)) })
	t.Run("KeepsBatchesOfSeveralGoroutinesApart", func(t *testing.T) { apart(t, place(t)) })
	t.Run("GoesOnAfterReopening", func(t *testing.T) { reopens(t, place(t)) })
	if features.Upserts {
		t.Run("KeepsOneRecordPerID", func(t *testing.T) { upserts(t, place(t)) })
	}
}

// Make is n embeddings of dim numbers, told apart by first; the same arguments, the same embeddings.
func Make(first, n, dim int) []frame.Embedding {
	batch := make([]frame.Embedding, n)
	for i := range batch {
		at := first + i
		r := seed.New(1).At("sinkstest").Rand(uint64(at))
		v := make([]float32, dim)
		for j := range v {
			v[j] = float32(r.NormFloat64())
		}
		batch[i] = frame.NewEmbedding(frame.Meta{
			Camera: fmt.Sprintf("cam%d", at%3), Rig: "rig", Seq: uint64(at),
			Captured: time.Date(2026, 1, 2, 3, 4, 5, at*1000, time.UTC),
			Ref:      frame.Ref{Topic: "frames", Partition: at % 2, Offset: int64(at)},
		}, "run@100", v)
	}
	return batch
}

// Same reports whether two lists of embeddings are equal to the last bit.
func Same(a, b []frame.Embedding) bool {
	return slices.EqualFunc(a, b, func(x, y frame.Embedding) bool {
		sameVector := slices.EqualFunc(x.Vector, y.Vector, func(p, q float32) bool { return math.Float32bits(p) == math.Float32bits(q) })
		sameTime := x.Captured.Equal(y.Captured)
		x.Vector, y.Vector, x.Captured, y.Captured = nil, nil, time.Time{}, time.Time{}
		return sameVector && sameTime && fmt.Sprintf("%+v", x) == fmt.Sprintf("%+v", y)
	})
}

func write(t *testing.T, s sinks.Sink, batch []frame.Embedding) {
	t.Helper()
	if err := s.Write(t.Context(), batch); err != nil {
		t.Fatalf("writing %d embeddings: %v", len(batch), err)
	}
}

func shut(t *testing.T, s sinks.Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("closing: %v", err)
	}
}

func want(t *testing.T, p Place, embeddings []frame.Embedding) {
	t.Helper()
	if got := p.Contents(t); !Same(got, embeddings) {
		t.Fatalf("holds %d embeddings %s\nwant %d: %s", len(got), ids(got), len(embeddings), ids(embeddings))
	}
}

func ids(batch []frame.Embedding) string {
	var b strings.Builder
	for _, e := range batch[:min(len(batch), 8)] {
		fmt.Fprintf(&b, " %s@%d", e.ID[:min(len(e.ID), 8)], e.Ref.Offset)
	}
	return b.String()
}

func inOrder(t *testing.T, p Place) {
	s := p.Open(t)
	all := Make(0, 100, 16)
	for i := 0; i < len(all); i += 7 {
		write(t, s, all[i:min(i+7, len(all))])
	}
	write(t, s, nil)
	shut(t, s)
	want(t, p, all)
}

func exact(t *testing.T, p Place) {
	numbers := []float32{0, float32(math.Copysign(0, -1)), 1, -1.0 / 3, math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, 1.1754944e-38, 16777217, 3.4e-10}
	all := Make(0, 4, 1)
	all[0].Vector = numbers
	all[1].Camera, all[1].Rig, all[1].Label = "Tür \"3\"\n<&>\u2028", "rig\\a", "猫 🐈"
	all[1].Captured = time.Date(1999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("x", 3600))
	all[2].Ref, all[2].Model = frame.Ref{}, ""
	all[3].ID = "not a UUID: " + strings.Repeat("x", 300)
	s := p.Open(t)
	write(t, s, all)
	shut(t, s)
	want(t, p, all)
}

func atOnce(t *testing.T, p Place) {
	s := p.Open(t)
	defer shut(t, s)
	all := Make(0, 5, 4)
	write(t, s, all[:2])
	want(t, p, all[:2])
	write(t, s, all[2:])
	want(t, p, all)
}

func refuses(t *testing.T, p Place) {
	s := p.Open(t)
	good := Make(0, 3, 4)
	for name, spoil := range map[string]func(*frame.Embedding){
		"NaN":       func(e *frame.Embedding) { e.Vector = []float32{1, float32(math.NaN())} },
		"infinity":  func(e *frame.Embedding) { e.Vector = []float32{float32(math.Inf(-1))} },
		"no id":     func(e *frame.Embedding) { e.ID = "" },
		"no vector": func(e *frame.Embedding) { e.Vector = nil },
	} {
		bad := Make(10, 3, 4)
		spoil(&bad[1])
		if err := s.Write(t.Context(), bad); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	want(t, p, nil)
	write(t, s, good) // the sink is as good as before
	shut(t, s)
	want(t, p, good)
}

func cancelled(t *testing.T, p Place) {
	s := p.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, Make(0, 1, 4)); !errors.Is(err, context.Canceled) {
		t.Errorf("writing with an ended context: %v", err)
	}
	shut(t, s)
	want(t, p, nil)
}

func closes(t *testing.T, p Place) {
	s := p.Open(t)
	all := Make(0, 2, 4)
	write(t, s, all[:1])
	shut(t, s)
	shut(t, s)
	if err := s.Write(t.Context(), all[1:]); !errors.Is(err, sinks.ErrClosed) {
		t.Errorf("writing after closing: %v, want ErrClosed", err)
	}
	want(t, p, all[:1])
}

func apart(t *testing.T, p Place) {
	const writers, batches, n = 4, 10, 5
	s := p.Open(t)
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for b := range batches {
				if err := s.Write(t.Context(), Make((w*batches+b)*n, n, 200)); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	shut(t, s)
	got := p.Contents(t)
	if len(got) != writers*batches*n {
		t.Fatalf("holds %d embeddings, want %d", len(got), writers*batches*n)
	}
	seen := map[int64]bool{}
	for i := 0; i < len(got); i += n {
		first := got[i].Ref.Offset
		if seen[first] || !Same(got[i:i+n], Make(int(first), n, 200)) {
			t.Fatalf("batch that begins with %d is torn or there twice", first)
		}
		seen[first] = true
	}
}

func reopens(t *testing.T, p Place) {
	all := Make(0, 9, 8)
	for i := 0; i < 9; i += 3 {
		s := p.Open(t)
		write(t, s, all[i:i+3])
		shut(t, s)
	}
	want(t, p, all)
}

func upserts(t *testing.T, p Place) {
	all := Make(0, 20, 8)
	s := p.Open(t)
	write(t, s, append(all[:10:10], all[:10]...)) // within a batch
	write(t, s, all[5:15])                        // across batches
	shut(t, s)
	s = p.Open(t)
	write(t, s, all) // across lives
	shut(t, s)
	want(t, p, all)
}
