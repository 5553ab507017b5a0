package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// ingestTiming is how fast frames get into Kafka.
type ingestTiming struct {
	Program   string  `json:"program"`
	Cameras   int     `json:"cameras"`
	Size      string  `json:"size,omitempty"` // of what was rendered
	Source    string  `json:"source,omitempty"`
	Frames    int     `json:"frames"`
	Bytes     int64   `json:"bytes"`
	FramesPS  float64 `json:"frames_per_s"`
	PerCore   float64 `json:"frames_per_s_per_core"` // per second of processor time, the broker's included
	LatencyMS float64 `json:"latency_ms"`            // median, from capture to acknowledgement
	MaxMS     float64 `json:"latency_max_ms"`
}

func newBenchIngestCmd(a *app) *cobra.Command {
	var t ingestTiming
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ingest", Short: "Time frames on their way into Kafka: captured, encoded, acknowledged", Args: cobra.NoArgs,
		Long: `Sends frames of each camera through the capture path of ` + "`nearfar ingest`" + ` (JPEG, pump, writer) as fast as
Kafka takes them, into an embedded broker of its own, in one process. Without --source the frames are rendered
before the clock starts, and each is encoded when it is captured; a video file is decoded as well.

frames/s per core is frames per second of processor time, all threads and the broker together.`,
		Example: "  nearfar bench ingest --cameras 4 --size 640x480\n  nearfar bench ingest --source clip.mp4",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := sources.ParseSize(t.Size); err != nil || t.Cameras < 1 || t.Frames < 1 {
				return usagef(cmd.CommandPath(), "--size must look like 640x480, --cameras and --frames must be at least 1")
			}
			list, err := t.sources()
			if err == nil {
				err = t.measure(cmd.Context(), list)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(t)
			}
			_, err = fmt.Fprintf(a.out, "%s, %s of %.0f kB: %.0f frames/s, %.0f for each core, %.1f ms from capture to acknowledgement (at most %.1f)\n",
				count(t.Cameras, "camera"), count(t.Frames, "frame"), float64(t.Bytes)/float64(max(1, t.Frames))/1e3, t.FramesPS, t.PerCore, t.LatencyMS, t.MaxMS)
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&t.Cameras, "cameras", 4, "cameras that are captured at a time")
	f.StringVar(&t.Size, "size", "640x480", "`size` of rendered frames")
	f.StringVar(&t.Source, "source", "", "capture this `file` with every camera instead, to its end")
	f.IntVar(&t.Frames, "frames", 1000, "rendered frames, all cameras together")
	f.BoolVar(&asJSON, "json", false, "as a JSON object")
	return cmd
}

// sources are the cameras, each with a name of its own.
func (t *ingestTiming) sources() ([]sources.Source, error) {
	var out []sources.Source
	if t.Source == "" {
		film, err := film(t.Cameras, 8, t.Size)
		if err != nil {
			return nil, err
		}
		for camera := range t.Cameras {
			out = append(out, &rerun{film: film, camera: camera, frames: t.Frames / t.Cameras})
		}
		return out, nil
	}
	t.Size = ""
	c, err := sources.Parse(t.Source)
	if err != nil {
		return nil, err
	}
	if c.Live() {
		return nil, fmt.Errorf("timing the capture of %s: a live camera sets its own pace; give a file", sources.Redact(t.Source))
	}
	var configs []sources.Config
	for range t.Cameras {
		configs = append(configs, c)
	}
	cameras, err := catalog.Cameras(configs, 1, now())
	if err != nil {
		return nil, err
	}
	for _, c := range cameras {
		src, err := catalog.Open(c)
		if err != nil {
			return nil, err
		}
		out = append(out, src)
	}
	return out, nil
}

// rerun is a camera of footage that sends as fast as it may.
type rerun struct {
	film           *footage
	camera, frames int
}

func (r *rerun) Live() bool { return false }

func (r *rerun) Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	shown := r.film.frames[r.camera]
	for i := int(from); i < r.frames; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := r.film.meta(r.camera, i)
		m.Captured = time.Now()
		data, err := picture.JPEG(shown[i%len(shown)], footageQuality)
		if err != nil {
			return err
		}
		if err := emit(frame.Encoded{Meta: m, ContentType: "image/jpeg", Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// measure pumps every source into a broker of its own.
func (t *ingestTiming) measure(ctx context.Context, list []sources.Source) (err error) {
	dir, err := os.MkdirTemp("", "nearfar-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the broker: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	kafka := config.Defaults().Kafka
	kafka.Brokers = []string{b.Addr()}
	if err := topic.Ensure(ctx, kafka.Config, kafka.FramesTopic()); err != nil {
		return err
	}
	before, err := processorTime()
	if err != nil {
		return err
	}
	began := time.Now()
	var wait sync.WaitGroup
	books := make([]acked, len(list))
	errs := make([]error, len(list))
	for i, src := range list {
		wait.Go(func() { errs[i] = books[i].pump(ctx, &kafka, src) })
	}
	wait.Wait()
	wall := time.Since(began)
	after, usageErr := processorTime()
	if err := errors.Join(append(errs, usageErr)...); err != nil {
		return err
	}
	t.tally(books, wall, after-before)
	return nil
}

// acked is what Kafka has acknowledged of a camera.
type acked struct {
	frames  int
	bytes   int64
	latency timings // of rendered frames, whose time of capture is now
}

func (k *acked) pump(ctx context.Context, kafka *config.KafkaConfig, src sources.Source) error {
	w, err := topic.NewWriter(kafka.Config, kafka.Frames, topic.WriterOptions{MaxBytes: kafka.MaxMessage()})
	if err != nil {
		return err
	}
	job := captureJob{Topic: kafka.Frames, MaxFrame: int(kafka.MaxFrame), MaxMessage: kafka.MaxMessage()}
	write := job.writer(w)
	_, rendered := src.(*rerun)
	err = sources.Pump(ctx, src, 0, func(ctx context.Context, frames []frame.Encoded) error {
		if err := write(ctx, frames); err != nil {
			return err
		}
		for _, f := range frames {
			k.frames++
			k.bytes += int64(len(f.Data))
			if rendered {
				k.latency.add(time.Since(f.Captured))
			}
		}
		return nil
	}, sources.PumpOptions{Camera: "bench"})
	return errors.Join(err, w.Close())
}

// tally fills in the figures.
func (t *ingestTiming) tally(books []acked, wall, busy time.Duration) {
	var latency timings
	t.Frames, t.Bytes = 0, 0
	for _, k := range books {
		t.Frames += k.frames
		t.Bytes += k.bytes
		latency = append(latency, k.latency...)
	}
	t.Program = "nearfar " + built().Version
	t.FramesPS, t.PerCore = tenths(float64(t.Frames)/wall.Seconds()), tenths(float64(t.Frames)/busy.Seconds())
	if len(latency) > 0 {
		t.LatencyMS, t.MaxMS = tenths(latency.median()), tenths(latency.max())
	}
}
