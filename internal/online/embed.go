package online

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/internal/resident"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// EmbedOptions say what an embed worker reads, with what it looks, and where it writes.
type EmbedOptions struct {
	Kafka      topic.Config
	Frames     string // topic
	MaxBytes   int
	Checkpoint string           // a checkpoint, or a run's folder: then its newest, looked for anew every Refresh
	Precision  kernel.Precision // in which the encoder's convolutions multiply
	Refresh    time.Duration    // 0: never
	Follow     bool             // go on at the end of the topic, and wait for the first checkpoint if there is none
	Positions  string           // file that remembers what was read; "" reads from the beginning
	Group      string           // of workers that share the partitions, with Follow: Kafka remembers what they have read; "": this one reads all
	Decoders   int
	Decode     decoder.Decode // nil: picture.Decode, in this process
	Write      func(context.Context, []frame.Embedding) error
	Account    func(EmbedResult) // told after every batch, and while there is none, how the books stand; may be nil
	Log        *slog.Logger
}

// EmbedResult accounts for every message read.
type EmbedResult struct {
	Embedded, DeadLettered, Lost uint64
	Version                      string // of the last model used
	Dead                         map[Grave]uint64
	Stale, Lag                   int64 // messages that came again, and that are not read yet
	Rebuilt                      int64 // readers that had gone silent, and were given up for others
}

const (
	embedBatch  = 32
	embedLinger = 200 * time.Millisecond // a frame waits no longer for its batch
)

// Embed reads the frames topic and writes an embedding of every frame, at least once: what was read is
// remembered after it was written, and ids make the repeat of a record the same record. When ctx is cancelled
// what was read is still embedded; the error is nil then if the worker follows the topic, else the cause.
func Embed(ctx context.Context, o EmbedOptions) (EmbedResult, error) {
	if o.Decode == nil {
		o.Decode = picture.Decode
	}
	resident.Shed()
	w := &embedWorker{o: o, positions: map[int]int64{}}
	if err := w.recall(); err != nil {
		return w.result, err
	}
	if err := w.await(ctx); err != nil {
		return w.result, w.unlessFollowing(ctx, err)
	}
	work := w.work
	if o.Group != "" {
		work = w.together
	}
	err := work(ctx)
	return w.result, w.unlessFollowing(ctx, err)
}

// work embeds until the topic or ctx ends.
func (w *embedWorker) work(ctx context.Context) error {
	pipe, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := streams.NewPipeline(pipe)
	stop := context.AfterFunc(ctx, p.Stop)
	defer stop()
	messages := streams.Source(p, "read", w.read)
	items := streams.Apply(messages, "decode", max(1, w.o.Decoders), w.decode, nil)
	streams.Each(streams.Batch(items, "batch", embedBatch, embedLinger), "embed", w.embed)
	err := p.Wait()
	for _, c := range []interface{ Close() error }{w.reader, w.letters, w.encoder} {
		if c := c; !isNil(c) {
			err = errors.Join(err, c.Close())
		}
	}
	w.reader, w.letters, w.encoder, w.path = nil, nil, nil, ""
	if err == nil {
		err = context.Cause(ctx)
	}
	w.account()
	return err
}

// unlessFollowing is err, but to be told to stop is no error to a worker that would never end by itself.
func (w *embedWorker) unlessFollowing(ctx context.Context, err error) error {
	if w.o.Follow && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// await returns once there is a checkpoint to look with: at once, or never, unless the worker follows.
func (w *embedWorker) await(ctx context.Context) error {
	for told := false; ; told = true {
		path, _, err := train.Latest(w.o.Checkpoint)
		if err == nil {
			weights, version, err := train.LoadWeights(path)
			if err == nil {
				w.size, w.result.Version = weights.Spec.Image, version
				w.account()
			}
			return err
		}
		if !w.o.Follow || !errors.Is(err, train.ErrNoCheckpoint) {
			return err
		}
		if !told {
			w.o.Log.Info("waiting for the first checkpoint", "in", w.o.Checkpoint, "err", err)
		}
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// awaitEvery is the time between two looks for a run's first checkpoint.
const awaitEvery = 500 * time.Millisecond

// isNil sees through an interface that holds a nil pointer.
func isNil(c any) bool {
	switch c := c.(type) {
	case *topic.Reader:
		return c == nil
	case *topic.DeadLetters:
		return c == nil
	case *look.Encoder:
		return c == nil
	}
	return c == nil
}

type embedWorker struct {
	o         EmbedOptions
	reader    *topic.Reader
	letters   *topic.DeadLetters
	encoder   *look.Encoder
	size      int    // px at which frames are decoded: what the encoder looks at, as in training
	path      string // of the checkpoint in use
	looked    time.Time
	positions map[int]int64
	share     *topic.Share // of a group's work; nil: all of it
	graves    graves

	mu     sync.Mutex // of result, which the reading and the embedding stage both tell
	result EmbedResult
}

func (w *embedWorker) recall() error {
	if w.o.Positions == "" {
		return nil
	}
	b, err := os.ReadFile(w.o.Positions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, &w.positions)
	}
	if err != nil {
		return fmt.Errorf("reading what was embedded before from %s: %w", w.o.Positions, err)
	}
	return nil
}

func (w *embedWorker) remember() error {
	if w.share != nil {
		return w.share.Commit(w.positions)
	}
	if w.o.Positions == "" {
		return nil
	}
	b, err := json.Marshal(w.positions)
	if err == nil {
		err = os.WriteFile(w.o.Positions+".tmp", b, 0o644)
	}
	if err == nil {
		err = os.Rename(w.o.Positions+".tmp", w.o.Positions)
	}
	return err
}

// read hands messages on, up to the present end of the topic or for ever.
func (w *embedWorker) read(ctx context.Context, emit func(frame.Message) error) error {
	from := make(map[int]int64, len(w.positions))
	for p, next := range w.positions {
		from[p] = next
	}
	var err error
	w.reader, err = topic.NewReader(ctx, w.o.Kafka, w.o.Frames, from, topic.ReaderOptions{MaxBytes: w.o.MaxBytes, Only: w.only(), Gap: w.lost, Rebuilt: rebuilt(w.o.Log)})
	if err != nil {
		return err
	}
	if w.o.Account != nil {
		defer every(ctx, lagEvery, w.measure)()
	}
	for {
		wait, cancel := context.WithTimeout(ctx, drainPoll)
		m, err := w.reader.Fetch(wait)
		cancel()
		switch {
		case err == nil:
			if err := emit(m); err != nil {
				return err
			}
			continue
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if w.o.Follow {
			continue
		}
		if lag, err := w.reader.Lag(ctx); err != nil || lag == 0 {
			return err
		}
	}
}

func (w *embedWorker) lost(name string, partition int, expected, got int64) {
	w.note(func(r *EmbedResult) { r.Lost += uint64(got - expected) })
	w.o.Log.Warn("frames were deleted before they were embedded", "topic", name, "partition", partition, "expected", expected, "got", got)
}

func (w *embedWorker) decode(_ context.Context, m frame.Message) (item, error) {
	return item{message: m}.decoded(w.o.Decode, w.size)
}

// embed looks at a batch; one goroutine, one thread.
func (w *embedWorker) embed(ctx context.Context, batch []item) error {
	if err := w.look(); err != nil {
		return err
	}
	var frames []*frame.Frame
	for _, it := range batch {
		if it.err == nil {
			frames = append(frames, it.frame)
		} else if err := w.bury(ctx, it); err != nil {
			return err
		}
	}
	vectors, err := w.encoder.Embed(frames)
	if err != nil {
		return err
	}
	out := make([]frame.Embedding, len(frames))
	for i, f := range frames {
		out[i] = frame.NewEmbedding(f.Meta, w.result.Version, vectors[i*w.encoder.Width:(i+1)*w.encoder.Width])
	}
	if len(out) > 0 {
		if err := w.o.Write(ctx, out); err != nil {
			return fmt.Errorf("writing %d embeddings: %w", len(out), err)
		}
	}
	w.note(func(r *EmbedResult) { r.Embedded += uint64(len(out)) })
	for _, it := range batch {
		w.positions[it.message.Ref.Partition] = it.message.Ref.Offset + 1
	}
	w.account()
	return w.remember()
}

// look loads the checkpoint, or a newer one.
func (w *embedWorker) look() error {
	if w.encoder != nil && (w.o.Refresh == 0 || time.Since(w.looked) < w.o.Refresh) {
		return nil
	}
	w.looked = time.Now()
	path, _, err := train.Latest(w.o.Checkpoint)
	if err == nil && path == w.path {
		return nil
	}
	if err == nil {
		err = w.load(path)
	}
	if err != nil && w.encoder != nil {
		w.o.Log.Warn("no newer checkpoint can be read; going on with the one in use", "checkpoint", w.path, "err", err)
		return nil
	}
	return err
}

func (w *embedWorker) load(path string) error {
	weights, version, err := train.LoadWeights(path)
	if err != nil {
		return err
	}
	weights.Precision = w.o.Precision
	if w.encoder == nil {
		runtime.LockOSThread() // oneDNN keeps its workers per thread; the thread ends with this stage
	}
	encoder, err := look.NewEncoder(weights)
	if err != nil {
		return err
	}
	if w.encoder != nil {
		if err := w.encoder.Close(); err != nil {
			return err
		}
	}
	w.encoder, w.path = encoder, path
	w.note(func(r *EmbedResult) { r.Version = version })
	w.o.Log.Info("embedding with", "model", version, "checkpoint", path)
	return nil
}

func (w *embedWorker) bury(ctx context.Context, it item) error {
	w.graves.add(it.stage, reason(it.err))
	w.note(func(r *EmbedResult) { r.DeadLettered++; r.Dead = w.graves.counts })
	if w.letters == nil {
		var err error
		if w.letters, err = topic.NewDeadLetters(w.o.Kafka, w.o.Frames+".dlq", w.o.MaxBytes); err != nil {
			return err
		}
	}
	return w.letters.Send(ctx, it.message, it.stage, reason(it.err), it.err)
}
