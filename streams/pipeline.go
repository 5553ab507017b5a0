// Package streams is typed stages over go-streams: sources, ordered apply, tee, buffers with drop
// policies, deadline batches, sinks, and a deterministic event-time merge. It knows no video.
//
// go-streams gives the wiring (Source, Flow, Sink, channels of any); this package adds what it leaves
// out: types, errors, cancellation, and the certainty that nothing is left running. A stage is a plain
// function; a Pipeline starts the goroutines and waits for them.
//
//	p := streams.NewPipeline(ctx)
//	frames := streams.Source(p, "read", read)
//	small := streams.Apply(frames, "decode", 2, decode, deadLetter)
//	streams.Each(small, "train", train)
//	err := p.Wait()
//
// Two rules keep every pipeline free of leaks: a stage that stops early closes its outlet and goes on
// emptying its inlet until that is closed, and a source closes its outlet when its function returns.
package streams

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Result is a value or the error met on the way to it.
type Result[T any] struct {
	Val T
	Err error
}

// PanicError is a panic of a stage's function, turned into an error. The stack is kept for logs and does
// not appear in the message.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Pipeline owns the goroutines of its stages, the first fatal error, cancellation and drain. Build it
// from one goroutine: all stages first, then Wait.
type Pipeline struct {
	ctx    context.Context // of the stages: ends at the first fatal error
	cancel context.CancelCauseFunc
	feed   context.Context // of the sources: ends at Stop, too
	stop   context.CancelCauseFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	err  error
	taps []*tap // every outlet made, to find those that nobody reads
}

// errStopped is the cause that sources see after Stop.
var errStopped = errors.New("the pipeline was told to stop")

// NewPipeline is a pipeline without stages. When ctx is cancelled everything stops at once, what is in
// flight is let go, and Wait returns the cause; see Stop for the gentle way.
func NewPipeline(ctx context.Context) *Pipeline {
	p := &Pipeline{}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.feed, p.stop = context.WithCancelCause(p.ctx)
	return p
}

// Stop cancels the context of the sources only: what they have emitted flows to the end. Wait then
// returns nil unless a stage fails.
func (p *Pipeline) Stop() { p.stop(errStopped) }

// Wait blocks until every stage has ended and returns the first fatal error, or the cause of the
// cancellation of the context if that came first.
func (p *Pipeline) Wait() error {
	p.mu.Lock()
	taps := p.taps
	p.mu.Unlock()
	for _, t := range taps {
		if t.taken {
			continue
		}
		p.fail(fmt.Errorf("stage %s has an outlet that nobody reads: end it with Each", t.name))
		out := t.outlet.Out()
		p.spawn(t.name, func() error { return nil }, func() { drain(out) })
	}
	p.wg.Wait()
	defer p.cancel(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && p.ctx.Err() != nil {
		p.err = context.Cause(p.ctx)
	}
	return p.err
}

// fail keeps the first fatal error and ends everything.
func (p *Pipeline) fail(err error) {
	p.mu.Lock()
	if p.err == nil && p.ctx.Err() == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.cancel(err)
}

// spawn runs fn, then finish, in a goroutine that Wait waits for. An error or panic of fn is fatal to the
// pipeline, and said before finish runs: finish may wait for a stage that only ends because of it.
func (p *Pipeline) spawn(name string, fn func() error, finish func()) {
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		defer finish()
		if err := guard(fn); err != nil {
			p.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// guard calls fn and turns its panic into an error.
func guard(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// drain empties a channel until its writer closes it.
func drain(in <-chan any) {
	for range in {
	}
}

// stopped reports whether err only says that ctx has ended.
func stopped(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, context.Canceled) || errors.Is(err, errStopped))
}
