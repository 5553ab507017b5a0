package online

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// drainPoll is how often a run whose sources are over looks whether it has read everything.
const drainPoll = 100 * time.Millisecond

// lagEvery is the time between two looks at the lag.
const lagEvery = 500 * time.Millisecond

// read hands on the messages of the frames topic from where the checkpoint stands. It ends by itself once
// nobody writes any more and everything is read, or when the run is told to stop.
func (r *run) read(told, feed context.Context, emit func(item) error) error {
	r.ready = make(chan error, 1)
	if err := emit(item{err: errBegin}); err != nil {
		return err
	}
	select {
	case err := <-r.ready:
		if err != nil {
			return err
		}
	case <-feed.Done():
		return nil
	}
	reading, cancel := context.WithCancel(feed)
	defer cancel()
	unhook := context.AfterFunc(told, cancel)
	defer unhook()
	// Told to stop, reading ends but what was read still flows, with the word to stop behind it.
	from := make(map[int]int64, len(r.o.From))
	maps.Copy(from, r.o.From)
	maps.Copy(from, r.trainer.Positions())
	reader, err := topic.NewReader(reading, r.o.Kafka, r.o.Frames, from, topic.ReaderOptions{MaxBytes: r.o.MaxBytes, Order: r.journal.order(), Gap: r.lost, Rebuilt: rebuilt(r.o.Log)})
	switch {
	case told.Err() != nil && err != nil:
		return emit(item{err: errStopped})
	case err != nil:
		return err
	}
	r.reader = reader
	unwatch := every(reading, lagEvery, r.measureLag) // beside reading: that stands still where training does
	defer unwatch()
	for {
		m, err := r.fetch(reading)
		switch {
		case errors.Is(err, errFinished):
			unwatch()
			if r.o.Lag != nil {
				r.o.Lag(0)
			}
			return emit(item{err: errFinished})
		case told.Err() != nil && err != nil:
			return emit(item{err: errStopped})
		case err != nil:
			return emit(item{err: broken{err}})
		}
		it := item{message: m, lost: r.gap}
		r.gap = 0
		if err := emit(it); err != nil {
			return err
		}
	}
}

// measureLag tells how far behind reading is.
func (r *run) measureLag(ctx context.Context) {
	r.stale.Store(r.reader.Stale())
	r.rebuilds.Store(r.reader.Rebuilt())
	if n, err := r.reader.Lag(ctx); err == nil { // a broker that is away shows as an error of Fetch
		r.behind.Store(r.o.MaxLag > 0 && n > r.o.MaxLag)
		if r.o.Lag != nil {
			r.o.Lag(n)
		}
	}
}

// fetch is the next message, or errFinished once there will be none.
func (r *run) fetch(ctx context.Context) (frame.Message, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, drainPoll)
		m, err := r.reader.Fetch(wait)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return m, err
		}
		select {
		case <-r.o.Over:
		default:
			continue
		}
		lag, err := r.reader.Lag(ctx)
		if err != nil {
			return m, err
		}
		if lag == 0 {
			return m, errFinished
		}
	}
}

// lost counts what retention took away before it was read.
func (r *run) lost(name string, partition int, expected, got int64) {
	r.gap += uint64(got - expected)
	r.o.Log.Warn("frames were deleted before they were read: raise kafka.retention or kafka.retention_bytes, or train faster",
		"topic", name, "partition", partition, "expected", expected, "got", got)
}

// rebuilt tells of a reader that was given up.
func rebuilt(log *slog.Logger) func(name string, partition int, offset int64, silent time.Duration) {
	return func(name string, partition int, offset int64, silent time.Duration) {
		log.Warn("nothing came from Kafka though the topic goes on: reading it anew", "topic", name, "partition", partition, "offset", offset, "silent", silent.Round(time.Second))
	}
}
