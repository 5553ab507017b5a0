package streams

import (
	"context"
	"fmt"

	gostreams "github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
)

// Stream is a typed outlet: a place in the pipeline where elements of type T come out. It has exactly
// one reader; use Tee for more.
type Stream[T any] struct {
	p   *Pipeline
	tap *tap
}

// tap is an outlet of go-streams and whether somebody reads it.
type tap struct {
	name   string
	outlet gostreams.Outlet
	taken  bool
}

// newStream registers an outlet with its pipeline.
func newStream[T any](p *Pipeline, name string, outlet gostreams.Outlet) Stream[T] {
	t := &tap{name: name, outlet: outlet}
	p.mu.Lock()
	p.taps = append(p.taps, t)
	p.mu.Unlock()
	return Stream[T]{p, t}
}

// into connects the stream to an inlet. A second reader gets an empty stream and ends the pipeline.
func (s Stream[T]) into(inlet gostreams.Inlet, reader string) {
	if s.tap.taken {
		s.p.fail(fmt.Errorf("stage %s reads the outlet of %s, which has a reader: put a Tee between", reader, s.tap.name))
		close(inlet.In())
		return
	}
	s.tap.taken = true
	flow.DoStream(s.tap.outlet, inlet)
}

// operator is a go-streams flow whose work is one of this package's functions.
type operator struct{ in, out chan any }

var _ gostreams.Flow = (*operator)(nil)

func newOperator() *operator { return &operator{make(chan any), make(chan any)} }

func (o *operator) In() chan<- any  { return o.in }
func (o *operator) Out() <-chan any { return o.out }

func (o *operator) Via(next gostreams.Flow) gostreams.Flow {
	flow.DoStream(o, next)
	return next
}

func (o *operator) To(end gostreams.Sink) {
	flow.DoStream(o, end)
	end.AwaitCompletion()
}

// port is a stage's outlet as its body sees it.
type port[T any] struct {
	ctx context.Context
	ch  chan<- any
}

// send blocks until the next stage takes v; it reports false once the pipeline has failed.
func (o port[T]) send(v T) bool {
	select {
	case o.ch <- v:
		return true
	case <-o.ctx.Done():
		return false
	}
}

// stage connects an operator behind s and runs its body. A body may return early: its outlet is then
// closed and its inlet emptied, so that neither side is left waiting.
func stage[A, B any](s Stream[A], name string, body func(ctx context.Context, in <-chan any, out port[B]) error) Stream[B] {
	o := newOperator()
	s.into(o, name)
	s.p.spawn(name, func() error {
		return body(s.p.ctx, o.in, port[B]{s.p.ctx, o.out})
	}, func() {
		close(o.out)
		drain(o.in)
	})
	return newStream[B](s.p, name, o)
}

// as asserts the type of an element; only an operator put in by Via can have sent another.
func as[T any](v any) (T, error) {
	t, ok := v.(T)
	if !ok {
		return t, fmt.Errorf("the stage before sent a %T, not a %T", v, t)
	}
	return t, nil
}

// Source is a stage without an inlet. run emits elements until it has no more or its context ends; emit
// blocks while the pipeline is busy and fails once the pipeline stops, in which case that element was not
// taken. Errors of run are fatal, save those that only say that it was told to stop.
func Source[T any](p *Pipeline, name string, run func(ctx context.Context, emit func(T) error) error) Stream[T] {
	out := make(chan any)
	emit := func(v T) error {
		if p.feed.Err() != nil {
			return context.Cause(p.feed)
		}
		select {
		case out <- v:
			return nil
		case <-p.feed.Done():
			return context.Cause(p.feed)
		}
	}
	p.spawn(name, func() error {
		err := run(p.feed, emit)
		if stopped(p.feed, err) {
			return nil
		}
		return err
	}, func() { close(out) })
	return newStream[T](p, name, extension.NewChanSource(out))
}

// Via puts an operator of go-streams itself into the pipeline. Its functions run unguarded: a panic in
// them ends the process, and elements that are no B end the pipeline.
func Via[A, B any](s Stream[A], name string, f gostreams.Flow) Stream[B] {
	s.into(f, name)
	return newStream[B](s.p, name, f)
}

// sink is a go-streams sink whose work is a function.
type sink struct {
	in   chan any
	done chan struct{}
}

var _ gostreams.Sink = (*sink)(nil)

func (s *sink) In() chan<- any   { return s.in }
func (s *sink) AwaitCompletion() { <-s.done }

func newSink() *sink { return &sink{make(chan any), make(chan struct{})} }

func (s *sink) finish() {
	drain(s.in)
	close(s.done)
}

// Each is a sink: fn gets every element in order, one at a time. Its error or panic is fatal.
func Each[T any](s Stream[T], name string, fn func(context.Context, T) error) {
	end := newSink()
	s.into(end, name)
	ctx := s.p.ctx
	s.p.spawn(name, func() error {
		for v := range end.in {
			if ctx.Err() != nil {
				return nil
			}
			t, err := as[T](v)
			if err != nil {
				return err
			}
			if err := fn(ctx, t); err != nil {
				return err
			}
		}
		return nil
	}, end.finish)
}
