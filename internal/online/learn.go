package online

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// item is a message of the frames topic after decoding: a picture, or why there is none.
type item struct {
	message frame.Message
	frame   *frame.Frame
	stage   string
	err     error
	lost    uint64 // messages before this one that retention took
}

// errEnough says that the run has reached the steps or frames it was told to take.
var errEnough = errors.New("enough")

// These are how the reading stage talks to the training stage, in order with the frames.
var (
	errBegin    = errors.New("begin")
	errFinished = errors.New("finished")
	errStopped  = errors.New("stopped")
)

// broken is why reading ended before its time. It travels behind what was read, so that this is learned
// and saved.
type broken struct{ error }

// Learn runs until the stream is over, the steps are taken or ctx is cancelled. Cancelling is a graceful
// end: everything is saved and Result.Finished is false. When Kafka or a sink fails, too, everything is
// saved before the error is returned.
func Learn(ctx context.Context, o Options) (Result, error) {
	if o.Hold == nil {
		o.Hold = alone{}
	}
	if o.Decode == nil {
		o.Decode = picture.Decode
	}
	ctx, unhold := hold(ctx, o.Hold)
	defer unhold()
	r := &run{o: o, box: newOutbox(o.Sinks, o.Unsent, o.Hold), frozen: newFreeze(o.Log)}
	pipe, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := streams.NewPipeline(pipe)
	items := streams.Apply(
		streams.Source(p, "read", func(feed context.Context, emit func(item) error) error { return r.read(ctx, feed, emit) }),
		"decode", max(1, o.Decoders), r.decode, nil)
	streams.Each(items, "train", r.take)
	err := p.Wait()
	if errors.Is(err, errEnough) {
		err = nil
	}
	if r.trainer != nil {
		err = errors.Join(err, r.trainer.Close())
	}
	if r.reader != nil {
		err = errors.Join(err, r.reader.Close())
	}
	if r.letters != nil {
		err = errors.Join(err, r.letters.Close())
	}
	if r.journal != nil {
		err = errors.Join(err, r.journal.Close())
	}
	return r.result, err
}

// run is the state of one Learn. The trainer belongs to the goroutine of the last stage.
type run struct {
	o        Options
	ready    chan error
	reader   *topic.Reader
	letters  *topic.DeadLetters
	trainer  *train.Trainer
	box      *outbox
	journal  *journal
	halt     error // why the run must end: its journal cannot be kept
	result   Result
	gap      uint64      // messages that retention took before the next one; of the reading stage
	behind   atomic.Bool // further than MaxLag
	stale    atomic.Int64
	rebuilds atomic.Int64
	graves   graves
	frozen   *freeze
}

// take is the training stage: one goroutine, one thread.
func (r *run) take(ctx context.Context, it item) error {
	switch {
	case errors.Is(it.err, errBegin):
		runtime.LockOSThread() // oneDNN keeps its workers per thread; the thread ends with this stage
		err := r.begin()
		if err == nil && r.enough() { // an earlier life went as far
			r.result.Enough = true
			if err = r.settle(r.end(nil)); err == nil {
				err = errEnough
			}
		}
		r.ready <- err
		return err
	case errors.Is(it.err, errFinished):
		err := r.settle(r.end(r.trainer.Finish()))
		r.result.Finished = err == nil
		return err
	case errors.Is(it.err, errStopped):
		return r.end(r.trainer.Checkpoint())
	}
	var end broken
	if errors.As(it.err, &end) {
		return r.fail(end.error)
	}
	hurried := r.journal.met(it.message.Ref, r.behind.Load())
	if it.err != nil {
		if err := r.bury(ctx, it); err != nil {
			return r.fail(err)
		}
		r.trainer.Lose(it.lost)
		r.trainer.Skip(it.message.Ref)
	} else {
		r.frozen.look(it.frame)
		r.trainer.Lose(it.lost)
		r.trainer.Hurry(hurried)
		if err := r.trainer.Receive(it.frame); err != nil {
			return err
		}
	}
	r.account()
	if err := cmp.Or(r.box.err, r.halt); err != nil {
		return r.fail(err)
	}
	if r.enough() {
		r.result.Enough = true
		if err := r.settle(r.end(r.trainer.Checkpoint())); err != nil {
			return err
		}
		return errEnough
	}
	return nil
}

// enough says whether the run has taken the steps or frames it was told to take.
func (r *run) enough() bool {
	c := r.trainer.Counts()
	return r.o.Steps > 0 && c.Steps >= r.o.Steps || r.o.MaxFrames > 0 && c.Received >= r.o.MaxFrames
}

// begin makes the trainer, in the goroutine that will run it.
func (r *run) begin() error {
	out := train.Outputs{
		Embeddings: func(es []frame.Embedding) error {
			r.o.Meter.Embeddings(es)
			r.noted(r.journal.flush())
			return r.box.send(es)
		},
		Epoch:    r.o.Hold.Epoch(),
		Flush:    r.flush,
		Begin:    r.o.Meter.StepBegins,
		Computes: r.o.Computes,
		Step:     r.o.Meter.Step,
		Setback: func(s train.Setback) {
			r.o.Log.Warn("learning went wrong: it has gone back to where the last checkpoint was due, at half the rate", "step", s.Step,
				"steps_undone", s.Undone, "halvings", s.Halvings, "learning_rate", s.Rate, "err", s.Err)
		},
		Unsaved: func(step uint64, err error) {
			r.o.Log.Warn("a checkpoint could not be written, and checkpoint.on_error says to go on", "step", step, "err", err)
			if r.o.Unsaved != nil {
				r.o.Unsaved(step, err)
			}
		},
		Checkpoint: func(path string, step uint64) {
			r.result.Checkpoint = path
			r.noted(r.journal.begin(path))
			if r.o.Saved != nil {
				r.o.Saved(path, step)
			}
		},
	}
	if r.o.Best {
		out.Score = r.o.Meter.Score
	}
	if err := r.box.recall(); err != nil {
		return err
	}
	var err error
	if r.journal, err = openJournal(r.o.Journal, r.o.Resume); err != nil {
		return err
	}
	if r.letters, err = topic.NewDeadLetters(r.o.Kafka, r.o.Frames+".dlq", r.o.MaxBytes); err != nil {
		return err
	}
	if r.o.Resume == "" {
		r.trainer, err = train.New(r.o.Settings, r.o.Dir, out)
	} else {
		r.trainer, err = train.Resume(r.o.Resume, r.o.Settings, r.o.Dir, out)
	}
	if err == nil {
		r.result.Checkpoint = r.o.Resume
		r.o.Meter.Begin(r.trainer.Counts())
		r.account()
	}
	return err
}

// noted ends the run, saved, where its journal cannot be kept, unless it is to go on without what it cannot write.
func (r *run) noted(err error) {
	switch {
	case err == nil:
	case r.o.Settings.GoOn:
		r.o.Log.Warn("a process that is killed before the next checkpoint may embed frames once more, by other weights", "err", err)
	default:
		r.halt = err
	}
}
