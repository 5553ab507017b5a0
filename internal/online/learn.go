package online

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// Options are what a run needs besides its settings.
type Options struct {
	Kafka     topic.Config
	Frames    string // topic
	MaxBytes  int    // of the largest message
	Settings  train.Settings
	Dir       string        // of checkpoints
	Resume    string        // checkpoint to go on from; "" begins
	From      map[int]int64 // first offset of the run, in partitions that the checkpoint has no position in; missing: the first there is
	Sinks     []sinks.Sink
	Unsent    string          // file that keeps embeddings the sinks did not take
	Steps     uint64          // stop after so many steps; 0: never
	MaxFrames uint64          // stop after so many frames; 0: never
	MaxLag    int64           // frames behind from which on due steps are forgone; 0: never
	Over      <-chan struct{} // closed once nobody writes frames any more: what is in the topic is learned, then the run ends
	Decoders  int             // frames decoded at once
	Decode    decoder.Decode  // nil: picture.Decode, in this process
	Meter     *Meter
	Lag       func(int64) // told now and then how many frames are in the topic and not yet trained on
	Saved     func(path string, step uint64)
	Account   func(Account)                // told after every message how the books stand; may be nil
	Unsaved   func(step uint64, err error) // a checkpoint could not be written, and Settings.GoOn says to go on; may be nil
	Best      bool                         // keep the checkpoint with the best running accuracy, too
	Hold      Hold                         // being the one trainer of the run; nil: there are no others
	Log       *slog.Logger
}

// Result is how a run ended.
type Result struct {
	Counts     train.Counts
	Sampled    any           // the sampler's own counts
	Checkpoint string        // the last one
	Positions  map[int]int64 // next offset of each partition of the frames topic
	Finished   bool          // the stream is over; otherwise the run can go on from the checkpoint
	Enough     bool          // the steps or frames that were asked for are taken
}

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

// drainPoll is how often a run whose sources are over looks whether it has read everything.
const drainPoll = 100 * time.Millisecond

// lagEvery is the time between two looks at the lag.
const lagEvery = 500 * time.Millisecond

// Learn runs until the stream is over, the steps are taken or ctx is cancelled. Cancelling is a graceful
// end: everything is saved and Result.Finished is false. When Kafka or a sink fails, too, everything is
// saved before the error is returned.
func Learn(ctx context.Context, o Options) (Result, error) {
	if o.Hold == nil {
		o.Hold = alone{}
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
	result   Result
	gap      uint64      // messages that retention took before the next one; of the reading stage
	behind   atomic.Bool // further than MaxLag
	stale    atomic.Int64
	rebuilds atomic.Int64
	graves   graves
	frozen   *freeze
}

// These are how the reading stage talks to the training stage, in order with the frames.
var (
	errBegin    = errors.New("begin")
	errFinished = errors.New("finished")
	errStopped  = errors.New("stopped")
)

// broken is why reading ended before its time. It travels behind what was read, so that this is learned
// and saved.
type broken struct{ error }

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
	reader, err := topic.NewReader(reading, r.o.Kafka, r.o.Frames, from, topic.ReaderOptions{MaxBytes: r.o.MaxBytes, Gap: r.lost, Rebuilt: rebuilt(r.o.Log)})
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

// decode makes a picture of a message. What is wrong with a message travels on with it: order matters.
func (r *run) decode(_ context.Context, it item) (item, error) {
	if it.err != nil {
		return it, nil
	}
	e, err := frame.Parse(it.message)
	if err != nil {
		it.stage, it.err = "parse", err
		return it, nil
	}
	if it.frame, err = decodeWith(r.o.Decode)(e, r.o.Settings.Sampler.Image); err != nil {
		it.stage, it.err = "decode", err
	}
	if errors.Is(err, decoder.ErrNoDecoder) { // which says nothing of the picture: it is left where it is
		it.err = broken{err}
	}
	return it, nil
}

// decodeWith is decode, or the one of this process.
func decodeWith(decode decoder.Decode) decoder.Decode {
	if decode == nil {
		return picture.Decode
	}
	return decode
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
	if it.err != nil {
		if err := r.bury(ctx, it); err != nil {
			return r.fail(err)
		}
		r.trainer.Lose(it.lost)
		r.trainer.Skip(it.message.Ref)
	} else {
		r.frozen.look(it.frame)
		r.trainer.Lose(it.lost)
		r.trainer.Hurry(r.behind.Load())
		if err := r.trainer.Receive(it.frame); err != nil {
			return err
		}
	}
	r.account()
	if r.box.err != nil {
		return r.fail(r.box.err)
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

// fail saves everything and ends the run with err.
func (r *run) fail(err error) error {
	if saveErr := r.end(r.trainer.Checkpoint()); saveErr != nil && !errors.Is(saveErr, err) {
		return errors.Join(err, saveErr)
	}
	return fmt.Errorf("%w (the run was saved in %s: start it again to go on)", err, r.result.Checkpoint)
}

// flushSinks makes what the sinks took survive a power cut, where they can.
func (r *run) flushSinks() error {
	var errs []error
	for _, s := range r.o.Sinks {
		if f, ok := s.(sinks.Flusher); ok {
			errs = append(errs, f.Flush())
		}
	}
	return errors.Join(errs...)
}

// settler is a sink that keeps what its destination does not take, and sends it once that is back.
type settler interface {
	Settle(ctx context.Context) error
}

// settle waits for embeddings that are still on their way when a run is over, as long as for a broker. One that is
// only interrupted leaves them for its next start.
func (r *run) settle(err error) error {
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Kafka.Timeout)
	defer cancel()
	for _, s := range r.o.Sinks {
		if s, ok := s.(settler); ok {
			err = errors.Join(err, s.Settle(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("%w (the run was saved in %s: start it again, and they are sent)", err, r.result.Checkpoint)
	}
	return nil
}

// begin makes the trainer, in the goroutine that will run it.
func (r *run) begin() error {
	out := train.Outputs{
		Embeddings: func(es []frame.Embedding) error {
			r.o.Meter.Embeddings(es)
			return r.box.send(es)
		},
		Epoch: r.o.Hold.Epoch(),
		Flush: r.flush,
		Begin: r.o.Meter.StepBegins,
		Step:  r.o.Meter.Step,
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

// end keeps the final accounts. A sink that failed at the very end is an error, too.
func (r *run) end(err error) error {
	r.result.Counts, r.result.Sampled, r.result.Positions = r.trainer.Counts(), r.trainer.Sampler(), maps.Clone(r.trainer.Positions())
	r.account()
	if err == nil {
		err = r.box.err
	}
	return err
}

// bury sends a message that is no frame to the dead letters, so that it is neither lost nor in the way.
func (r *run) bury(ctx context.Context, it item) error {
	r.o.Log.Warn("a message is no frame and went to the dead letters", "topic", it.message.Ref.Topic,
		"partition", it.message.Ref.Partition, "offset", it.message.Ref.Offset, "stage", it.stage, "err", it.err)
	if err := r.letters.Send(ctx, it.message, it.stage, reason(it.err), it.err); err != nil {
		return fmt.Errorf("sending %s to the dead letters: %w", it.message.Ref, err)
	}
	r.graves.add(it.stage, reason(it.err))
	return nil
}

// reason is why a message is no frame, in a word or two that metrics can count.
func reason(err error) string {
	switch {
	case errors.Is(err, frame.ErrCorrupt):
		return "corrupt"
	case errors.Is(err, frame.ErrNotPicture):
		return "not a picture"
	case errors.Is(err, decoder.ErrCrashed):
		return "kills its decoder"
	}
	return "undecodable"
}
