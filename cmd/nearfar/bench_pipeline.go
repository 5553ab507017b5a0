package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// pipelineTiming is the way from Kafka to weights beside the bare step.
type pipelineTiming struct {
	stepTiming         // the bare step, before and after the run
	Cameras    int     `json:"cameras"`
	Size       string  `json:"size"`
	Frames     int     `json:"frames"`      // read from Kafka while the clock ran
	Taken      int     `json:"taken_steps"` // meanwhile
	Seconds    float64 `json:"seconds"`
	LogPS      float64 `json:"log_frames_per_s"`     // frames of the log
	TrainedPS  float64 `json:"trained_frames_per_s"` // anchors of steps
	DecodeMS   float64 `json:"decode_ms"`            // processor time a frame, alone
	Share      float64 `json:"share"`                // of the bare step's frames/s, decoding subtracted
	ShareGross float64 `json:"share_with_decoding"`
	updates    float64
	warm       int
}

func newBenchPipelineCmd(a *app) *cobra.Command {
	t := pipelineTiming{stepTiming: stepTiming{Layout: "nhwc"}}
	var asJSON bool
	cmd := &cobra.Command{
		Use: "pipeline", Short: "Time learning end to end, Kafka to weights, beside the bare step", Args: cobra.NoArgs,
		Long: `Fills a topic of an embedded broker with frames of several cameras, learns from it as ` + "`nearfar train`" + ` does
(reading, decoding apart, merging, embedding, sampling, painting, steps), and compares with whole steps alone,
timed before and after. Decoding is measured by itself, as processor time in one process; shared among the cores it
is subtracted.`,
		Example: "  nearfar bench pipeline --encoder resnet18 --batch 32 --cameras 4 --size 640x480",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if w, _, err := sources.ParseSize(t.Size); err != nil || w == 0 || t.Cameras < 1 || t.Frames < 1 || t.warm < 2*t.Batch || t.Steps < 1 {
				return usagef(cmd.CommandPath(), "--size must look like 640x480, --cameras, --frames and --steps must be at least 1, --warm at least two batches")
			}
			if err := t.measure(cmd.Context()); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(t)
			}
			return t.print(a.out)
		},
	}
	f := cmd.Flags()
	t.flags(f)
	f.IntVar(&t.Cameras, "cameras", 4, "cameras in the topic")
	f.StringVar(&t.Size, "size", "640x480", "`size` of their frames")
	f.IntVar(&t.warm, "warm", 400, "frames read before the clock starts")
	f.IntVar(&t.Frames, "frames", 400, "frames read while it runs")
	f.Float64Var(&t.updates, "updates", 0.25, "steps a frame")
	f.IntVar(&t.Steps, "steps", 15, "bare steps timed before, and as many after")
	f.BoolVar(&asJSON, "json", false, "as a JSON object")
	return cmd
}

// measure times the run between two times of bare steps.
func (t *pipelineTiming) measure(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "nearfar-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the broker: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	film, err := film(t.Cameras, 16, t.Size)
	if err != nil {
		return err
	}
	// What the merge holds back at the end of the log is never trained on: there is some to spare.
	messages, err := film.messages(t.warm + t.Frames + 40*t.Cameras)
	if err != nil {
		return err
	}
	var bare timings
	busy := 0.0 // ms of processor
	steps := func() error {
		more, err := t.bareSteps(&bare)
		busy += more
		return err
	}
	if err := steps(); err != nil {
		return err
	}
	took, err := t.learn(ctx, dir, messages)
	if err != nil {
		return err
	}
	if err := steps(); err != nil {
		return err
	}
	decode, err := decodeTime(messages[:min(len(messages), 64)], t.Image)
	if err != nil {
		return err
	}
	t.tell(bare, busy)
	t.Seconds, t.DecodeMS = hundredths(took.Seconds()), hundredths(decode.Seconds()*1e3)
	t.LogPS, t.TrainedPS = tenths(float64(t.Frames)/took.Seconds()), tenths(float64(t.Taken*t.Batch)/took.Seconds())
	alone := float64(t.Taken) * bare.median() / 1e3
	t.ShareGross = hundredths(alone / took.Seconds())
	t.Share = hundredths(alone / (took.Seconds() - float64(t.Frames)*decode.Seconds()/float64(t.Threads)))
	return nil
}

// bareSteps has a thread of its own, which ends with it and takes its team of workers along: one that stayed would make
// libgomp believe that more threads want the cores than there are, in the times after it.
func (t *pipelineTiming) bareSteps(into *timings) (busy float64, err error) {
	var group sync.WaitGroup
	group.Go(func() {
		var b *train.Bench
		if b, err = t.bench(); err == nil {
			busy, err = spent(func() error { return into.steps(b, t.Steps) })
			err = errors.Join(err, b.Close())
		}
	})
	group.Wait()
	return busy, err
}

// learn trains on the messages and says how long the frames after the warm ones took.
func (t *pipelineTiming) learn(ctx context.Context, dir string, messages []frame.Message) (took time.Duration, err error) {
	b, err := broker.Start(broker.Config{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c := t.config()
	c.Kafka.Brokers, c.Sampler.UpdatesPerFrame, c.Checkpoint.Every = []string{b.Addr()}, t.updates, 1<<40
	c.Sampler.Idle = 500 * time.Millisecond
	k := c.Kafka
	if err := topic.Ensure(ctx, k.Config, k.FramesTopic(), k.DeadLetterTopic()); err != nil {
		return 0, err
	}
	if err := fill(ctx, &c, messages); err != nil {
		return 0, err
	}
	set := settings(&c, "bench")
	decoding, err := besideLearning(c.Run.Apart)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, decoding.stop()) }()
	var began, ended time.Time
	var first uint64
	over := make(chan struct{})
	close(over)
	result, err := online.Learn(ctx, online.Options{
		Kafka: k.Config, Frames: k.Frames, MaxBytes: k.MaxMessage(), Settings: set, Dir: filepath.Join(dir, "checkpoints"),
		MaxFrames: uint64(t.warm + t.Frames), Over: over, Decoders: decoding.atOnce, Decode: decoding.decode, Computes: decoding.computes,
		Meter: online.NewMeter(set.Model.Width(), set.Probe, c.Sampler.Gap), Log: slog.New(slog.DiscardHandler),
		Account: func(a online.Account) {
			switch {
			case a.Counts.Received == uint64(t.warm) && began.IsZero():
				began, first = time.Now(), a.Counts.Steps
			case a.Counts.Received == uint64(t.warm+t.Frames) && ended.IsZero():
				ended, t.Taken = time.Now(), int(a.Counts.Steps-first)
			}
		},
	})
	switch {
	case err != nil:
		return 0, err
	case began.IsZero() || ended.IsZero() || t.Taken == 0:
		return 0, fmt.Errorf("learning from %d frames ended after %d, with %d steps: too few for a figure, raise --frames or --updates",
			len(messages), result.Counts.Received, result.Counts.Steps)
	}
	return ended.Sub(began), nil
}

// fill writes messages to the topic of frames. The trainer holds a rig's first frames back until sampler.idle has
// passed in the log, in case more cameras show up; so that time has to pass in the first of them, and no pause may be as
// long, which would be taken for one of the whole rig.
func fill(ctx context.Context, c *config.Config, messages []frame.Message) error {
	w, err := topic.NewWriter(c.Kafka.Config, c.Kafka.Frames, topic.WriterOptions{MaxBytes: c.Kafka.MaxMessage()})
	if err != nil {
		return err
	}
	const slow = 4
	for i := 0; i < slow && err == nil; i++ {
		if err = w.Write(ctx, messages[i]); err == nil {
			err = sources.Sleep(ctx, c.Sampler.Idle/2)
		}
	}
	if err == nil {
		err = w.Write(ctx, messages[slow:]...)
	}
	return errors.Join(err, w.Close())
}

// decodeTime is the processor time that decoding a frame takes, alone.
func decodeTime(messages []frame.Message, size int) (time.Duration, error) {
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	for _, m := range messages {
		e, err := frame.Parse(m)
		if err == nil {
			_, err = picture.Decode(e, size)
		}
		if err != nil {
			return 0, err
		}
	}
	after, err := processorTime()
	return (after - before) / time.Duration(len(messages)), err
}

func (t *pipelineTiming) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%s, %d px, batch %d, bank %d, %s, %d threads; %s of %s in Kafka, %g steps a frame
  bare step           %v: %.0f frames/s
  end to end          %d frames, %d steps in %.1f s: %.0f frames/s of the log, %.0f frames/s trained on
  decoding            %.2f ms of processor a frame
  share of the step   %.0f%%, with decoding subtracted %.0f%%
`, t.Encoder, t.Image, t.Batch, t.Bank, t.Precision, t.Threads, count(t.Cameras, "camera"), t.Size, t.updates, t.clocked, t.FramesPS,
		t.Frames, t.Taken, t.Seconds, t.LogPS, t.TrainedPS, t.DecodeMS, 100*t.ShareGross, 100*t.Share)
	return err
}
