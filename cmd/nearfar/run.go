package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
)

func newRunCmd(a *app) *cobra.Command {
	var resume string
	cmd := &cobra.Command{
		Use: "run", Short: "Everything: cameras → Kafka → online training → embeddings", Args: cobra.NoArgs,
		Long: `Runs the whole of nearfar: a broker (embedded unless --brokers or the configuration names one), a capture
process per camera, the trainer, and the sinks. Without --config and --source it learns from a synthetic
three-camera rig and then shows what it has learned.

--out is the run's folder: run.json, metrics.jsonl, checkpoints/, embeddings.jsonl, broker/. A run that was
interrupted goes on when it is started again with the same --out.`,
		Example: `  nearfar run
  nearfar run --source clip.mp4 --source rtsp://10.0.0.7/door --out runs/door
  nearfar run --config four-cameras.yaml --brokers kafka:9092
  nearfar run --resume runs/door --frames 20000`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	flags.bind(cmd, "out", "run.out", "the run's `folder` (default: runs/ and the time it began)")
	flags.bind(cmd, "frames", "run.frames", "stop capturing after `N` frames, and learn them all")
	flags.bind(cmd, "steps", "run.steps", "stop after `N` training steps")
	flags.bind(cmd, "for", "run.for", "stop capturing after a `duration` like 2m, and learn what there is")
	flags.bind(cmd, "seed", "run.seed", "a `number` that every random decision follows from")
	flags.bind(cmd, "encoder", "model.encoder", strings.Join(model.Encoders(), ", "))
	flags.bindHTTP(cmd)
	cmd.Flags().StringVar(&resume, "resume", "", "go on with the run in this `folder`, with its own configuration")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		demo := flags.file == "" && len(flags.sources) == 0 && resume == ""
		if err := flags.resume(cmd, resume); err != nil {
			return err
		}
		named := true
		c, err := flags.load(cmd, func(c *config.Config, report config.Report) {
			if resume != "" {
				c.Run.Out = resume
			}
			if demo {
				named = c.Run.Out != ""
				*c = asDemo(*c)
			} else if len(c.Sources) == 0 {
				config.NeedSources(c, report)
			}
		})
		if err != nil {
			return err
		}
		if demo && !named {
			c.Run.Out = nextFree(c.Run.Out)
		}
		return a.run(cmd.Context(), c, demo, resume != "")
	}
	return cmd
}

// run is `nearfar run` with a whole configuration.
func (a *app) run(ctx context.Context, c *config.Config, demo, resume bool) error {
	s, err := a.openSession(c, demo, resume)
	if err != nil {
		return err
	}
	defer deadline(ctx, c.Run.Drain, s.log)() // closing included
	defer s.close()
	if err := s.startBroker(); err != nil {
		return err
	}
	if err := s.openTopics(ctx); err != nil {
		return err
	}
	if err := s.capture(ctx); err != nil {
		return err
	}
	stopLimits := s.limitFeed(ctx)
	result, err := s.learn(ctx, s.feed.Done())
	stopLimits()
	s.feed.Stop()
	feedErr := s.feed.Wait()
	if err != nil {
		return errors.Join(err, feedErr, s.closeBook(ctx))
	}
	if feedErr != nil {
		if result.Counts.Received+result.Counts.DeadLettered == 0 {
			return errors.Join(feedErr, s.closeBook(ctx))
		}
		result.Finished = false // once the camera is mended, the run can go on
	}
	return errors.Join(s.finish(ctx, result), feedErr)
}

// capture starts the cameras, unless earlier lives of the run have captured all it wants.
func (s *session) capture(ctx context.Context) error {
	p, err := planFeed(ctx, s.cfg)
	if err != nil {
		return err
	}
	if err := s.ledger.begin(p.cameras, p.at, p.bounds, s.broker != nil); err != nil {
		return err
	}
	if n := s.cfg.Run.Frames; n > 0 && s.ledger.sum().Acked >= n {
		s.feed = p.idle()
		return nil
	}
	s.feed, err = p.start(ctx, s.cfg, s.log, s.ledger.beat)
	return err
}

// limitFeed stops the capture at run.frames or run.for, and lets files wait while training is far behind.
// The returned function ends the watch.
func (s *session) limitFeed(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		paused, began := false, time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.feed.Done():
				return
			case <-ticker.C:
			}
			if n := s.cfg.Run.Frames; n > 0 && s.ledger.sum().Acked >= n || s.cfg.Run.For > 0 && time.Since(began) >= s.cfg.Run.For {
				s.feed.Stop()
				return
			}
			behind := s.lag()
			if full := behind > maxBehind; full != paused && (full || behind < maxBehind/2) {
				paused = full
				if err := s.feed.pauseFiles(paused); err != nil {
					s.log.Warn("a capture process could not be told to wait", "err", err)
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}

// maxBehind is how many frames the trainer may be behind before files wait for it.
const maxBehind = 2000

// pauseFiles lets finite sources wait. Live cameras go on: Kafka keeps their frames as long as retention says.
func (f *feed) pauseFiles(paused bool) error {
	var errs []error
	for _, c := range f.Cameras {
		if !c.Live {
			errs = append(errs, f.sup.Pause(c.Name, paused))
		}
	}
	return errors.Join(errs...)
}

// masked is the configuration as run.json keeps it.
func masked(c *config.Config) (json.RawMessage, error) {
	b, err := config.JSON(c)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration down: %w", err)
	}
	return b, nil
}
