package online

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

func TestMain(m *testing.M) {
	if os.Getenv(asDecoder) != "" {
		serveFrailDecoder()
		return
	}
	goleak.VerifyTestMain(m)
}

// log is a topic of frames on a broker of the test's own.
type log struct {
	cfg topic.Config
	w   *topic.Writer
	n   int

	camera string
}

func newLog(t *testing.T) *log { return newLogOf(t, 1) }

func newLogOf(t *testing.T, partitions int) *log {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l := &log{cfg: topic.Defaults(), camera: "door"}
	l.cfg.Brokers = []string{b.Addr()}
	spec := topic.Spec{Name: "frames", Partitions: partitions, Replication: 1, Retention: time.Hour, MaxBytes: 1 << 20}
	if err := topic.Ensure(t.Context(), l.cfg, spec, spec.DeadLetters()); err != nil {
		t.Fatal(err)
	}
	if l.w, err = topic.NewWriter(l.cfg, "frames", topic.WriterOptions{MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(l.w.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// add writes n more frames of its camera, ten a second.
func (l *log) add(t *testing.T, n int) {
	t.Helper()
	var messages []frame.Message
	for range n {
		img := image.NewGray(image.Rect(0, 0, 24, 24))
		for i := range img.Pix {
			img.Pix[i] = uint8(i*l.n + 7*i)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(l.n) * 100 * time.Millisecond)
		e := frame.Encoded{Meta: frame.Meta{Camera: l.camera, Rig: l.camera, Seq: uint64(l.n), Captured: at}, ContentType: "image/jpeg", Data: b.Bytes()}
		messages = append(messages, e.Message())
		l.n++
	}
	if err := l.w.Write(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
}

// memory is a sink that fails on demand.
type memory struct {
	mu   sync.Mutex
	held map[string]frame.Embedding
	left int // writes until it fails; negative: never
	err  error
}

func (m *memory) Write(_ context.Context, es []frame.Embedding) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return m.err
	}
	m.left--
	for _, e := range es {
		m.held[e.ID] = e
	}
	return nil
}

func (m *memory) Close() error { return nil }

func newMemory() *memory { return &memory{held: map[string]frame.Embedding{}, left: -1} }

// options of a small run over the whole log, in a folder of the test's own.
func (l *log) options(t *testing.T, sink sinks.Sink) Options {
	t.Helper()
	c := sampler.Defaults()
	c.Image, c.Batch, c.UpdatesPerFrame, c.Replay.Size = 16, 8, 0.5, 64
	set := train.Settings{Run: "r", Seed: 1, Model: model.Spec{Encoder: "small", Image: 16, Norm: "batch"}, Projection: 16, Objectives: []objective.Config{objective.Default()}, Sampler: c,
		Merge:     streams.MergeConfig{Lateness: c.Lateness, Idle: c.Idle, Limit: c.Limit},
		Optimizer: model.OptimizerSpec{Kind: "adam"}, LR: 1e-3, KeyMomentum: 0.99, Bank: 32, Every: 4, Keep: 2, EmbedBatch: 8}
	over := make(chan struct{})
	close(over)
	dir := t.TempDir()
	return Options{Kafka: l.cfg, Frames: "frames", MaxBytes: 1 << 20, Settings: set, Dir: filepath.Join(dir, "checkpoints"), Sinks: []sinks.Sink{sink},
		Unsent: filepath.Join(dir, "unsent.jsonl"), Over: over, Meter: NewMeter(set.Model.Width(), train.Probe{}, time.Second), Log: slog.New(slog.DiscardHandler)}
}

func TestWhatASinkDoesNotTakeIsSavedAndSentLater(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 60)
	full := errors.New("the disk is full")
	sink.left, sink.err = 2, full
	o := l.options(t, sink)
	result, err := Learn(t.Context(), o)
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "start it again to go on") || result.Finished || result.Checkpoint == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	if result.Counts.Embedded <= uint64(len(sink.held)) || result.Counts.Received >= 60 {
		t.Fatalf("it did not stop at the failure: %+v, %d sent", result.Counts, len(sink.held))
	}
	o.Resume = result.Checkpoint
	if _, err := Learn(t.Context(), o); !errors.Is(err, full) || !strings.Contains(err.Error(), "could not be sent before") {
		t.Errorf("with the sink as it was: %v", err)
	}
	sink.left = -1
	result, err = Learn(t.Context(), o)
	if err != nil || !result.Finished || result.Counts.Trained != 60 || len(sink.held) != 60 {
		t.Errorf("mended: %+v, %v, %d embeddings", result, err, len(sink.held))
	}
	if _, err := os.Stat(o.Unsent); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was sent is still kept: %v", err)
	}
}

func TestARunThatIsStoppedGoesOnWithoutAGap(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 30)
	o := l.options(t, sink)
	o.Over = nil // somebody may write more
	ctx, stop := context.WithCancel(t.Context())
	o.Saved = func(string, uint64) { stop() }
	result, err := Learn(ctx, o)
	if err != nil || result.Finished || result.Enough || result.Checkpoint == "" || result.Positions[0] != int64(result.Counts.Received) {
		t.Fatalf("%+v, %v", result, err)
	}
	l.add(t, 20)
	o = l.options(t, sink)
	o.Resume = result.Checkpoint
	result, err = Learn(t.Context(), o)
	if err != nil || !result.Finished || result.Counts.Trained != 50 || result.Positions[0] != 50 || len(sink.held) != 50 {
		t.Errorf("%+v, %v, %d embeddings", result, err, len(sink.held))
	}
}

func TestEnoughStepsAreEnoughAlsoForTheNextStart(t *testing.T) {
	l := newLog(t)
	l.add(t, 60)
	o := l.options(t, newMemory())
	o.Steps = 3
	first, err := Learn(t.Context(), o)
	if err != nil || !first.Enough || first.Finished || first.Counts.Steps != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	o.Resume = first.Checkpoint
	again, err := Learn(t.Context(), o)
	if err != nil || !again.Enough || again.Counts != first.Counts || again.Checkpoint != first.Checkpoint {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestWhatIsNoFrameIsBuriedAndTheRunGoesOn(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 10)
	if err := l.w.Write(t.Context(), frame.Message{Value: []byte("no picture")}); err != nil {
		t.Fatal(err)
	}
	l.add(t, 10)
	result, err := Learn(t.Context(), l.options(t, sink))
	if c := result.Counts; err != nil || c.Trained != 20 || c.DeadLettered != 1 || len(sink.held) != 20 || result.Positions[0] != 21 {
		t.Errorf("%+v, %v", result, err)
	}
	letters, err := topic.Tail(t.Context(), l.cfg, "frames.dlq", 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	if reason, _ := letters[0].Header("dlq.reason"); reason != "not a picture" || string(letters[0].Value) != "no picture" {
		t.Errorf("reason %q of %q", reason, letters[0].Value)
	}
}

// learned is a checkpoint.
func learned(t *testing.T, l *log) string {
	t.Helper()
	result, err := Learn(t.Context(), l.options(t, newMemory()))
	if err != nil {
		t.Fatal(err)
	}
	return result.Checkpoint
}

func (l *log) embed(checkpoint string, sink sinks.Sink) EmbedOptions {
	return EmbedOptions{Kafka: l.cfg, Frames: "frames", MaxBytes: 1 << 20, Checkpoint: checkpoint, Write: sink.Write, Log: slog.New(slog.DiscardHandler)}
}

func TestEmbeddingGoesToTheEndOfTheTopic(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 40)
	result, err := Embed(t.Context(), l.embed(learned(t, l), sink))
	if err != nil || result.Embedded != 40 || len(sink.held) != 40 || !strings.HasPrefix(result.Version, "r@") {
		t.Errorf("%+v, %v, %d embeddings", result, err, len(sink.held))
	}
}

func TestAFollowerTakesUpWhereItStopped(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 20)
	o := l.embed(learned(t, l), sink)
	o.Follow, o.Positions = true, filepath.Join(t.TempDir(), "embedded.json")
	follow := func(n int) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		got := 0
		o.Write = func(ctx context.Context, es []frame.Embedding) error {
			if got += len(es); got >= n {
				stop()
			}
			return sink.Write(ctx, es)
		}
		result, err := Embed(ctx, o)
		if err != nil || result.Embedded != uint64(n) {
			t.Errorf("%+v, %v, want %d", result, err, n)
		}
	}
	follow(20)
	l.add(t, 5)
	follow(5)
	if len(sink.held) != 25 {
		t.Errorf("%d embeddings", len(sink.held))
	}
}

func TestAFollowerWaitsForTheFirstCheckpointAndOthersDoNot(t *testing.T) {
	l, nowhere := newLog(t), filepath.Join(t.TempDir(), "run")
	o := l.embed(nowhere, newMemory())
	if _, err := Embed(t.Context(), o); !errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	o.Follow = true
	if _, err := Embed(ctx, o); err != nil {
		t.Errorf("told to stop while it waits: %v", err)
	}
}

func TestEmbeddingCutShortIsNoSuccess(t *testing.T) {
	l := newLog(t)
	l.add(t, 40)
	checkpoint := learned(t, l)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Embed(ctx, l.embed(checkpoint, newMemory())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
