package online

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// TestTheAccountEndsAsTheResult: what is told while a run goes on ends in the very numbers of its summary, over
// several lives.
func TestTheAccountEndsAsTheResult(t *testing.T) {
	l := newLog(t)
	l.add(t, 30)
	if err := l.w.Write(t.Context(), frame.Message{Value: []byte("no picture")}, frame.Message{Value: []byte("\xff\xd8\xff cut")}); err != nil {
		t.Fatal(err)
	}
	o := l.options(t, newMemory())
	var last Account
	before := uint64(0)
	o.Account = func(a Account) {
		if n := a.Counts.Received + a.Counts.DeadLettered; n < before {
			t.Errorf("%d messages after %d", n, before)
		} else {
			before = n
		}
		last = a
	}
	first, err := Learn(t.Context(), o)
	if err != nil || last.Counts != first.Counts || !reflect.DeepEqual(last.Sampled, first.Sampled) || last.Counts.Trained != 30 {
		t.Fatalf("%v: told %+v, ended as %+v", err, last, first)
	}
	if want := map[Grave]uint64{{"parse", "not a picture"}: 1, {"decode", "corrupt"}: 1}; !reflect.DeepEqual(last.Dead, want) {
		t.Errorf("the dead: %v", last.Dead)
	}
	l.add(t, 10)
	o.Resume = first.Checkpoint
	second, err := Learn(t.Context(), o)
	if err != nil || last.Counts != second.Counts || last.Counts.Trained != 40 || last.Counts.DeadLettered != 2 || len(last.Dead) != 0 {
		t.Errorf("%v: told %+v, ended as %+v", err, last, second)
	}
}

func TestTheEmbedWorkersAccountEndsAsItsResult(t *testing.T) {
	l := newLog(t)
	l.add(t, 20)
	checkpoint := learned(t, l)
	if err := l.w.Write(t.Context(), frame.Message{Value: []byte("no picture")}); err != nil {
		t.Fatal(err)
	}
	o := l.embed(checkpoint, newMemory())
	var last EmbedResult
	o.Account = func(r EmbedResult) { last = r }
	result, err := Embed(context.WithoutCancel(t.Context()), o)
	if err != nil || !reflect.DeepEqual(last, result) || result.Embedded != 20 || result.Dead[Grave{"parse", "not a picture"}] != 1 {
		t.Errorf("%v: told %+v, ended as %+v", err, last, result)
	}
}

// stuck is a sink that takes nothing until it is let go.
type stuck struct{ free chan struct{} }

func (s stuck) Write(context.Context, []frame.Embedding) error { <-s.free; return nil }
func (s stuck) Close() error                                   { return nil }

// TestTheLagOfAStalledTrainerIsTold: reading stands still with training, and the lag is measured all the same.
func TestTheLagOfAStalledTrainerIsTold(t *testing.T) {
	l, sink := newLog(t), stuck{make(chan struct{})}
	l.add(t, 20)
	o := l.options(t, sink)
	over := make(chan struct{})
	o.Over = over
	told, last := make(chan struct{}), int64(-1)
	o.Lag = func(n int64) {
		if last = n; n > 50 {
			select {
			case <-told:
			default:
				close(told)
			}
		}
	}
	ended := make(chan error, 1)
	go func() {
		result, err := Learn(t.Context(), o)
		if err == nil && result.Counts.Trained != 120 {
			err = fmt.Errorf("%d frames were trained", result.Counts.Trained)
		}
		ended <- err
	}()
	l.add(t, 100)
	<-told
	close(sink.free)
	close(over)
	if err := <-ended; err != nil || last != 0 {
		t.Errorf("%v, and at the end the lag is %d", err, last)
	}
}
