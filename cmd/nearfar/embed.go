package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// embedFlags are what `nearfar embed` looks at, with what, and where to.
type embedFlags struct {
	checkpoint, images, video, topic, output string
	group                                    string
	precision                                string
	follow                                   bool
	refresh                                  time.Duration
}

func newEmbedCmd(a *app) *cobra.Command {
	var e embedFlags
	cmd := &cobra.Command{
		Use: "embed", Short: "Embed pictures, a video or a topic with a checkpoint", Args: cobra.NoArgs,
		Long: `Embeds with a checkpoint, or with the newest of a run's folder: a folder of pictures, a video, or the frames
topic. --output X.jsonl writes one JSON record a line; X.npy writes a matrix, with X.index.jsonl beside it that
gives path, label, camera and time of each row.

A topic is embedded up to its present end. With --follow it goes on, loads newer checkpoints of the run as they
come, and, without --output, publishes to the configuration's sinks: this is the embed worker of a cluster. Workers
that name the same --group share the partitions of the topic; each has an --out of its own.`,
		Example: `  nearfar embed --checkpoint runs/demo --images photos/ --output photos.npy
  nearfar embed --checkpoint runs/demo --video clip.mp4 --output clip.jsonl
  nearfar embed --checkpoint runs/yard --brokers kafka:9092 --topic frames --follow`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bind(cmd, "out", "run.out", "the worker's `folder`, where --follow remembers what it has embedded")
	flags.bindHTTP(cmd)
	f := cmd.Flags()
	f.StringVar(&e.checkpoint, "checkpoint", "", "a checkpoint's folder, or a run's (its newest)")
	f.StringVar(&e.images, "images", "", "a `folder` of pictures, in folders of their classes or not")
	f.StringVar(&e.video, "video", "", "a video `file`")
	f.StringVar(&e.topic, "topic", "", "a `topic` of frames (default with --follow: kafka.frames)")
	f.StringVar(&e.output, "output", "", "the `file` to write: .jsonl or .npy")
	f.StringVar(&e.precision, "precision", "f32", "f32, or bf16: faster where the processor has it, and off by about a hundredth; auto: bf16 where there is one")
	f.BoolVar(&e.follow, "follow", false, "go on at the end of the topic, until a signal comes")
	f.StringVar(&e.group, "group", "", "with --follow, the `name` of workers that share the topic's partitions; Kafka remembers what they have read")
	f.DurationVar(&e.refresh, "refresh", 30*time.Second, "with --follow, how often to look for a newer checkpoint")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := e.check(); err != nil {
			return usagef(cmd.CommandPath(), "%w", err)
		}
		var checks []func(*config.Config, config.Report)
		if e.images == "" && e.video == "" {
			checks = append(checks, config.NeedBrokers)
		}
		c, err := flags.load(cmd, checks...)
		if err != nil {
			return err
		}
		useThreads(c.Run.Threads)
		if e.images != "" || e.video != "" {
			return a.embedFiles(cmd.Context(), c, e)
		}
		return a.embedTopic(cmd.Context(), c, e)
	}
	return cmd
}

func (e *embedFlags) check() error {
	given := 0
	for _, s := range []string{e.images, e.video, e.topic} {
		if s != "" {
			given++
		}
	}
	_, err := kernel.ParsePrecision(e.precision)
	switch ext := filepath.Ext(e.output); {
	case err != nil:
		return fmt.Errorf("--precision: %w", err)
	case e.checkpoint == "":
		return fmt.Errorf("--checkpoint is needed: a checkpoint's folder, or a run's")
	case given > 1 || given == 0 && !e.follow:
		return fmt.Errorf("one of --images, --video and --topic is needed")
	case e.follow && (e.images != "" || e.video != ""):
		return fmt.Errorf("--follow is for a topic")
	case e.group != "" && !e.follow:
		return fmt.Errorf("--group is for workers that --follow a topic")
	case e.output == "" && !e.follow:
		return fmt.Errorf("--output is needed, a .jsonl or .npy file")
	case e.output != "" && ext != ".jsonl" && ext != ".npy":
		return fmt.Errorf("--output %s: the name must end in .jsonl or .npy", e.output)
	}
	return nil
}

// asked is the precision that check has read.
func (e *embedFlags) asked() kernel.Precision {
	p, _ := kernel.ParsePrecision(e.precision)
	return p
}

// embedTopic embeds what is in Kafka.
func (a *app) embedTopic(ctx context.Context, c *config.Config, e embedFlags) (err error) {
	if e.topic != "" {
		c.Kafka.Frames = e.topic
	}
	o := online.EmbedOptions{Group: e.group, Kafka: c.Kafka.Config, Frames: c.Kafka.Frames, MaxBytes: c.Kafka.MaxMessage(), Checkpoint: e.checkpoint,
		Precision: e.asked(), Follow: e.follow, Decoders: embedDecoders(), Log: a.logger(c.Log)}
	if e.follow {
		o.Refresh = e.refresh
	}
	http, err := listen(ctx, c.HTTP, o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, http.close()) }()
	unbound, err := boundMemory(ctx, c.Run.Memory, o.Log)
	if err != nil {
		return err
	}
	defer unbound()
	pool, stopDecoders, err := decoders(c.Run.Apart, embedDecoders())
	if err != nil {
		return err
	}
	if pool != nil {
		o.Decode = pool.Decode
	}
	defer func() { err = errors.Join(err, stopDecoders()) }()
	var done func(error) error
	if e.output == "" {
		s, err := a.openWorker(ctx, c, &o)
		if err != nil {
			return err
		}
		done = func(err error) error { s.close(); return err }
	} else {
		out, err := openOutput(e.output)
		if err != nil {
			return err
		}
		o.Write, done = out.write, out.close
	}
	defer deadline(ctx, c.Run.Drain, o.Log)()
	var books embedBooks
	o.Account = books.take
	http.serve(books.put, kafkaReady(c.Kafka), books.ready())
	result, err := online.Embed(ctx, o)
	if e.follow && err != nil && result.Embedded > 0 { // what a worker has written is right, though it failed
		err = errors.Join(err, done(nil))
	} else {
		err = done(err)
	}
	if err != nil && result.Embedded == 0 {
		return explainCheckpoint(err)
	}
	fmt.Fprintf(a.err, "nearfar: %s embedded by %s, %s to the dead letters, %d lost to retention\n",
		count(int(result.Embedded), "frame"), result.Version, count(int(result.DeadLettered), "message"), result.Lost)
	return err
}

// openWorker is the embed worker of a cluster: it writes to the configured sinks and remembers its place.
func (a *app) openWorker(ctx context.Context, c *config.Config, o *online.EmbedOptions) (*session, error) {
	if err := topic.Ensure(ctx, c.Kafka.Config, c.Kafka.EmbeddingsTopic(), c.Kafka.DeadLetterTopic()); err != nil {
		return nil, err
	}
	if c.Run.Out == "" {
		c.Run.Out = filepath.Join("runs", "embed")
	}
	s := &session{app: a, cfg: c, log: o.Log}
	var err error
	if s.run, err = online.OpenRun(c.Run.Out, online.Record{ID: filepath.Base(c.Run.Out), Started: now(), Versions: versions()}); err != nil {
		return nil, err
	}
	if o.Group == "" {
		o.Positions = filepath.Join(c.Run.Out, "embedded.json")
	}
	if s.sinks, err = s.openSinks(); err != nil {
		s.close()
		return nil, err
	}
	o.Write = sinks.All(s.sinks...).Write
	return s, nil
}

// embedFiles embeds pictures or a video from the disk.
func (a *app) embedFiles(ctx context.Context, c *config.Config, e embedFlags) error {
	path, err := a.latest(e.checkpoint)
	if err != nil {
		return err
	}
	weights, version, err := train.LoadWeights(path)
	if err != nil {
		return err
	}
	weights.Precision = e.asked()
	out, err := openOutput(e.output)
	if err != nil {
		return err
	}
	n := 0
	look := func(frames []*frame.Frame) error {
		vectors, err := embedWith(weights, frames)
		if err != nil {
			return err
		}
		width := weights.Spec.Dim()
		es := make([]frame.Embedding, len(frames))
		for i, f := range frames {
			es[i] = frame.NewEmbedding(f.Meta, version, vectors[i*width:(i+1)*width])
		}
		n += len(es)
		return out.write(ctx, es)
	}
	if e.images != "" {
		err = eachPicture(ctx, e.images, weights.Spec.Image, look)
	} else {
		err = eachVideoFrame(ctx, e.video, look)
	}
	if err = out.close(err); err == nil {
		fmt.Fprintf(a.err, "nearfar: %s embedded by %s into %s\n", count(n, "picture"), version, e.output)
	}
	return err
}

// latest is the checkpoint that a flag names, or the newest of the run it names that is whole.
func (a *app) latest(checkpoint string) (string, error) {
	path, damaged, err := train.Latest(checkpoint)
	if err != nil {
		return "", explainCheckpoint(err)
	}
	for _, d := range damaged {
		a.logger(config.LogConfig{}).Warn("passing over a checkpoint", "err", d)
	}
	return path, nil
}

// explainCheckpoint says what to do where there is no checkpoint.
func explainCheckpoint(err error) error {
	if errors.Is(err, train.ErrNoCheckpoint) {
		return fmt.Errorf("%w; give --checkpoint a run's folder, or the folder of one of its checkpoints", err)
	}
	return err
}

// embedDecoders is how many frames are decoded at a time beside embedding: half of the machine embeds.
func embedDecoders() int { return max(1, runtime.NumCPU()/2) }
