package sources

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/nearfar/nearfar/streams/frame"
)

// PumpOptions bound what Pump may use; every zero has a default.
type PumpOptions struct {
	Camera     string        // for beats
	Queue      int           // frames waiting for Kafka (64)
	QueueBytes int           // and their bytes (32 MiB)
	Batch      int           // frames per write at most (16)
	Drain      time.Duration // how long what is queued may still take after ctx is cancelled (5s)
	Paused     func() bool   // asked before each frame: a file waits, a live camera's frames are dropped
	Beat       func(Beat)    // called every Every, and once at the end; never twice at a time
	Every      time.Duration // (400ms)
}

func (o PumpOptions) withDefaults() PumpOptions {
	set := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Queue, 64)
	set(&o.QueueBytes, 32<<20)
	set(&o.Batch, 16)
	if o.Drain <= 0 {
		o.Drain = 5 * time.Second
	}
	if o.Every <= 0 {
		o.Every = 400 * time.Millisecond
	}
	if o.Paused == nil {
		o.Paused = func() bool { return false }
	}
	if o.Beat == nil {
		o.Beat = func(Beat) {}
	}
	return o
}

// pump is one Pump.
type pump struct {
	src Source
	opt PumpOptions
	q   *queue

	mu   sync.Mutex
	beat Beat
}

// Pump runs a source and writes its frames in batches, in order, until the source ends or ctx is cancelled;
// then it writes what is queued, for at most Drain. A live source never waits: when Kafka is slow its oldest
// queued frames are dropped and counted, and failed writes are tried again for ever. A finite source waits,
// and a failed write ends it with that error. A write that wraps ErrRefused costs the frame, not the rest.
//
// Write returns nil only once Kafka has acknowledged every frame of the batch.
func Pump(ctx context.Context, src Source, from uint64, write func(context.Context, []frame.Encoded) error, opt PumpOptions) error {
	p := &pump{src: src, opt: opt.withDefaults(), beat: Beat{Camera: opt.Camera, From: from}}
	p.q = newQueue(p.opt.Queue, p.opt.QueueBytes)

	running, stop := context.WithCancel(ctx)
	defer stop()
	writing, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()

	var wait, watch sync.WaitGroup
	var srcErr error
	wait.Go(func() {
		defer p.q.close()
		srcErr = src.Run(running, from, func(e frame.Encoded) error { return p.emit(running, e) })
	})
	over := make(chan struct{})
	watch.Go(func() { p.beats(over) })
	watch.Go(func() {
		select {
		case <-ctx.Done():
			if Sleep(writing, p.opt.Drain) == nil {
				giveUp()
			}
		case <-over:
		}
	})

	writeErr := p.drain(writing, write, stop)
	wait.Wait()
	giveUp()
	close(over)
	watch.Wait()

	ended := srcErr == nil && writeErr == nil && ctx.Err() == nil
	if running.Err() != nil && (errors.Is(srcErr, context.Canceled) || errors.Is(srcErr, context.DeadlineExceeded)) {
		srcErr = nil // it was told to stop: no failure
	}
	err := errors.Join(writeErr, srcErr)
	last := p.now()
	last.Ended = ended
	if err != nil {
		last = last.fail(err)
	}
	p.opt.Beat(last)
	return err
}

// emit takes one frame from the source.
func (p *pump) emit(ctx context.Context, e frame.Encoded) error {
	if !p.src.Live() {
		for p.opt.Paused() {
			if err := Sleep(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		p.count(func(b *Beat) { b.Captured++; b.Last = time.Now().UTC() })
		err := p.q.push(ctx, e)
		if err != nil {
			p.drop(DroppedStopped, 1)
		}
		return err
	}
	p.count(func(b *Beat) { b.Captured++; b.Last = time.Now().UTC() })
	if p.opt.Paused() {
		p.drop(DroppedPaused, 1)
	} else {
		p.drop(DroppedSlow, p.q.force(e))
	}
	return ctx.Err()
}

// drain writes what is queued until the queue is closed and empty. After an error it stops the source and
// counts the rest. That the time for draining was over is no error.
func (p *pump) drain(ctx context.Context, write func(context.Context, []frame.Encoded) error, stop func()) error {
	var failed error
	for {
		batch, ok := p.q.take(p.opt.Batch)
		if !ok {
			return failed
		}
		left := len(batch)
		if failed == nil && ctx.Err() == nil {
			var err error
			if left, err = p.deliver(ctx, batch, write); err != nil {
				stop()
				if ctx.Err() == nil {
					failed = err
				}
			}
		}
		p.drop(DroppedStopped, left)
	}
}

// deliver writes one batch; where it cannot, it says how many frames are left.
func (p *pump) deliver(ctx context.Context, batch []frame.Encoded, write func(context.Context, []frame.Encoded) error) (left int, err error) {
	retry := backoff.ExponentialBackOff{InitialInterval: 50 * time.Millisecond, Multiplier: 2, MaxInterval: 2 * time.Second}
	retry.Reset()
	for {
		err := write(ctx, batch)
		switch {
		case err == nil:
			p.count(func(b *Beat) { b.Acked += uint64(len(batch)); b.Err = "" })
			return 0, nil
		case errors.Is(err, ErrRefused) && len(batch) == 1:
			p.drop(DroppedRefused, 1)
			p.count(func(b *Beat) { b.Err = Redact(err.Error()) })
			return 0, nil
		case errors.Is(err, ErrRefused): // find the one by writing each by itself
			for i := range batch {
				if left, err := p.deliver(ctx, batch[i:i+1], write); err != nil {
					return left + len(batch) - i - 1, err
				}
			}
			return 0, nil
		case !p.src.Live() || ctx.Err() != nil:
			return len(batch), err
		}
		p.count(func(b *Beat) { b.Err = Redact(err.Error()) })
		if err := Sleep(ctx, retry.NextBackOff()); err != nil {
			return len(batch), err
		}
	}
}

func (p *pump) count(f func(*Beat)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.beat)
}

func (p *pump) drop(reason string, n int) {
	if n == 0 {
		return
	}
	p.count(func(b *Beat) {
		if b.Dropped == nil {
			b.Dropped = map[string]uint64{}
		}
		b.Dropped[reason] += uint64(n)
	})
}

// now is the beat of this moment.
func (p *pump) now() Beat {
	p.mu.Lock()
	b := p.beat
	b.Dropped = maps.Clone(b.Dropped)
	p.mu.Unlock()
	b.Paused = p.opt.Paused()
	if h, ok := p.src.(Healthy); ok {
		health := h.Health()
		b.Reconnects, b.Counts = health.Reconnects, health.Counts
		if health.Err != "" {
			b.Err = Redact(health.Err)
		}
	}
	return b
}

// beats calls Beat at once and then regularly.
func (p *pump) beats(over <-chan struct{}) {
	ticker := time.NewTicker(p.opt.Every)
	defer ticker.Stop()
	for {
		p.opt.Beat(p.now())
		select {
		case <-ticker.C:
		case <-over:
			return
		}
	}
}
