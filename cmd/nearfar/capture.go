package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// captureJob is what a capture process is told on its standard input, where no one else can read it.
type captureJob struct {
	Camera     catalog.Camera
	Kafka      topic.Config
	Password   string // of Kafka, which its own type never writes
	Topic      string
	MaxFrame   int           // bytes of a picture
	MaxMessage int           // bytes of a message
	From       uint64        // first sequence number wanted, as far as Floor tells
	Floor      map[int]int64 // by partition: only what lies at or above it can hold later frames of the camera
}

func newCaptureCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "capture", Short: "Capture one camera (started by run and ingest)", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.capture(cmd.Context()) },
	}
}

// capture is the life of a capture process: a job from standard input, beats to standard output.
func (a *app) capture(ctx context.Context) error {
	in := bufio.NewReader(a.in)
	line, err := sources.ReadJob(in)
	if err != nil {
		return err
	}
	var job captureJob
	if err := json.Unmarshal([]byte(line), &job); err != nil {
		return errors.New("the job on standard input is none: this command is started by run and ingest")
	}
	job.Kafka.SASL.Password = topic.Secret(job.Password)
	src, from, write, closeWriter, err := job.begin(ctx)
	if err != nil {
		return errors.Join(err, sources.ReportFailure(a.out, job.Camera.Name, err))
	}
	err = sources.Serve(ctx, in, a.out, src, from, write, sources.PumpOptions{Camera: job.Camera.Name, Every: beatEvery})
	return errors.Join(err, closeWriter())
}

// beatEvery is the time between two beats of a capture process: how late a run sees that it has enough frames.
const beatEvery = 100 * time.Millisecond

type writeFunc = func(context.Context, []frame.Encoded) error

// begin opens the source and the way to Kafka, and finds the number of the first frame wanted: that of an
// earlier process of this camera may have gone further than the parent knew.
func (j captureJob) begin(ctx context.Context) (sources.Source, uint64, writeFunc, func() error, error) {
	at, err := positions(ctx, j.Kafka, j.Topic, j.MaxMessage, []string{j.Camera.Name}, j.Floor)
	if err != nil {
		return nil, 0, nil, nil, err
	}
	src, err := catalog.Open(j.Camera)
	if err != nil {
		return nil, 0, nil, nil, err
	}
	w, err := topic.NewWriter(j.Kafka, j.Topic, topic.WriterOptions{MaxBytes: j.MaxMessage})
	if err != nil {
		return nil, 0, nil, nil, err
	}
	return src, max(j.From, at[j.Camera.Name].next), j.writer(w), w.Close, nil
}

// writer puts frames into their wire form and writes them; one that no topic of this configuration takes
// is refused before it is sent.
func (j captureJob) writer(w *topic.Writer) writeFunc {
	return func(ctx context.Context, frames []frame.Encoded) error {
		messages := make([]frame.Message, len(frames))
		for i := range frames {
			if n := len(frames[i].Data); n > j.MaxFrame {
				return fmt.Errorf("frame %d of camera %s has %d bytes, kafka.max_frame allows %d (raise it, or lower the source's size or quality): %w",
					frames[i].Seq, frames[i].Camera, n, j.MaxFrame, sources.ErrRefused)
			}
			messages[i] = frames[i].Message()
		}
		err := w.Write(ctx, messages...)
		if errors.Is(err, topic.ErrTooLarge) {
			return fmt.Errorf("%w: %w", sources.ErrRefused, err)
		}
		return err
	}
}
