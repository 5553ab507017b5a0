package online

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// fence is a hold that is lost after so many looks at it.
type fence struct {
	left int
	err  error
	lost chan struct{}
}

func (f *fence) Check(context.Context) error {
	if f.left == 0 {
		return f.err
	}
	f.left--
	return nil
}

func (f *fence) Lost() <-chan struct{} { return f.lost }
func (f *fence) Epoch() uint64         { return 7 }

func TestFaultOfAFencedTrainerPublishesAndSavesNothing(t *testing.T) {
	l := newLog(t)
	l.add(t, 120)
	for _, looks := range []int{0, 1, 2, 3, 4, 5} {
		sink := newMemory()
		o := l.options(t, sink)
		o.Hold = &fence{left: looks, err: topic.ErrFenced}
		saved := 0
		o.Saved = func(string, uint64) { saved++ }
		result, err := Learn(t.Context(), o)
		if !errors.Is(err, topic.ErrFenced) || result.Finished {
			t.Fatalf("after %d looks: %+v, %v", looks, result, err)
		}
		// each look is before a batch of 8 embeddings or before a checkpoint
		if len(sink.held)+8*saved > 8*looks {
			t.Errorf("after %d looks: %d embeddings, %d checkpoints", looks, len(sink.held), saved)
		}
		if _, err := os.Stat(o.Unsent); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %d looks: embeddings are kept, and the next start would send them (%v)", looks, err)
		}
		if found, err := filepath.Glob(filepath.Join(o.Dir, "*")); err != nil || len(found) != saved {
			t.Errorf("after %d looks: %v, %d were told of (%v)", looks, found, saved, err)
		}
	}
}

// Nobody knows whether another is at work: what was to be published is kept, and all is saved.
func TestATrainerThatCannotMakeSureSavesAndEnds(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 60)
	o := l.options(t, sink)
	o.Hold = &fence{left: 2, err: topic.ErrUnreachable}
	result, err := Learn(t.Context(), o)
	if !errors.Is(err, topic.ErrUnreachable) || result.Finished || result.Checkpoint == "" || result.Counts.Embedded <= uint64(len(sink.held)) {
		t.Fatalf("%+v, %v, %d embeddings", result, err, len(sink.held))
	}
	o.Resume, o.Hold = result.Checkpoint, nil
	result, err = Learn(t.Context(), o)
	if err != nil || !result.Finished || result.Counts.Trained != 60 || len(sink.held) != 60 {
		t.Errorf("%+v, %v, %d embeddings", result, err, len(sink.held))
	}
}

func TestATrainerThatIsReplacedWhileItWaitsEnds(t *testing.T) {
	l := newLog(t)
	l.add(t, 20)
	o := l.options(t, newMemory())
	o.Over = nil // it would wait for ever
	f := &fence{left: 1000, err: topic.ErrFenced, lost: make(chan struct{})}
	o.Hold = f
	replace := sync.OnceFunc(func() { f.left = 0; close(f.lost) })
	o.Account = func(a Account) {
		if a.Counts.Received == 20 {
			replace()
		}
	}
	if result, err := Learn(t.Context(), o); !errors.Is(err, topic.ErrFenced) || result.Finished {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAHeldSinkTakesNothingOnceTheHoldIsLost(t *testing.T) {
	sink := newMemory()
	held := Held(sink, &fence{left: 1, err: topic.ErrFenced})
	e := frame.NewEmbedding(frame.Meta{Camera: "door", Ref: frame.Ref{Topic: "frames"}}, "r@1", []float32{1})
	if err := held.Write(t.Context(), []frame.Embedding{e}); err != nil || len(sink.held) != 1 {
		t.Fatalf("%v, %d embeddings", err, len(sink.held))
	}
	e.ID = "another"
	if err := held.Write(t.Context(), []frame.Embedding{e}); !errors.Is(err, topic.ErrFenced) || len(sink.held) != 1 {
		t.Errorf("%v, %d embeddings", err, len(sink.held))
	}
}
