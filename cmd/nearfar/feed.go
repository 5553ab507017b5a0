package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// feed is the capture side of a run: one process per camera, all writing to the topic of frames.
type feed struct {
	Cameras []catalog.Camera
	sup     *sources.Supervisor
	done    chan struct{}
	err     error // read after done
}

// startFeed makes the topic, finds out where each camera stopped in an earlier life, and starts a capture
// process for each. The feed ends when its finite sources have ended (and none is live), when it is
// stopped, or when ctx is cancelled; Wait for it.
//
// beat, if not nil, takes each camera's totals as they come.
func startFeed(ctx context.Context, cfg *config.Config, log *slog.Logger, beat func(sources.Beat)) (*feed, error) {
	cameras, err := catalog.Cameras(cfg.Sources, cfg.Run.Seed, now())
	if err != nil {
		return nil, err
	}
	if err := topic.Ensure(ctx, cfg.Kafka.Config, cfg.Kafka.FramesTopic()); err != nil {
		return nil, err
	}
	children, err := children(ctx, cfg, cameras, log)
	if err != nil {
		return nil, err
	}
	trouble := map[string]string{}
	sup, err := sources.NewSupervisor(children, sources.Options{Log: log, Beat: func(b sources.Beat) {
		tellTrouble(log, trouble, b)
		if beat != nil {
			beat(b)
		}
	}})
	if err != nil {
		return nil, err
	}
	f := &feed{Cameras: cameras, sup: sup, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.err = sup.Run(ctx)
	}()
	return f, nil
}

// tellTrouble logs what is wrong with a camera when it begins and when it is over, not with every beat.
func tellTrouble(log *slog.Logger, before map[string]string, b sources.Beat) {
	switch was := before[b.Camera]; {
	case b.Err == was:
		return
	case b.Err != "":
		log.Warn("camera in trouble", "camera", b.Camera, "err", b.Err)
	default:
		log.Info("camera is well again", "camera", b.Camera)
	}
	before[b.Camera] = b.Err
}

// children writes the job of each camera's process: what to capture, and where to go on.
func children(ctx context.Context, cfg *config.Config, cameras []catalog.Camera, log *slog.Logger) ([]sources.Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program for the capture processes: %w", err)
	}
	bounds, err := topic.Bounds(ctx, cfg.Kafka.Config, cfg.Kafka.Frames)
	if err != nil {
		return nil, err
	}
	floor := map[int]int64{} // what lies below has been looked through here
	for partition, b := range bounds {
		floor[partition] = b.Next
	}
	names := make([]string, len(cameras))
	for i, c := range cameras {
		names[i] = c.Name
	}
	at, err := positions(ctx, cfg.Kafka.Config, cfg.Kafka.Frames, cfg.Kafka.MaxMessage(), names, nil)
	if err != nil {
		return nil, err
	}
	resume(cfg.Sources, cameras, at)
	out := make([]sources.Child, len(cameras))
	for i, c := range cameras {
		if p, ok := at[c.Name]; ok {
			log.Info("going on where Kafka stopped", "camera", c.Name, "frame", p.next)
		}
		job, err := json.Marshal(captureJob{
			Camera: c, Kafka: cfg.Kafka.Config, Password: cfg.Kafka.SASL.Password.Reveal(), Topic: cfg.Kafka.Frames, MaxFrame: int(cfg.Kafka.MaxFrame),
			MaxMessage: cfg.Kafka.MaxMessage(), From: at[c.Name].next, Floor: floor,
		})
		if err != nil {
			return nil, fmt.Errorf("writing the job of camera %s: %w", c.Name, err)
		}
		out[i] = sources.Child{Camera: c.Name, Command: []string{self, "capture"}, Job: string(job), Live: c.Live}
	}
	return out, nil
}

// resume gives the cameras of a rig that has frames in Kafka the start it had then, so that capture times
// go on as if nothing had happened. A start in the configuration stays.
func resume(configs []sources.Config, cameras []catalog.Camera, at map[string]position) {
	starts := map[string]time.Time{}
	for _, c := range cameras {
		p, ok := at[c.Name]
		if known, seen := starts[c.Rig]; ok && (!seen || p.start.Before(known)) {
			starts[c.Rig] = p.start
		}
	}
	for i, c := range cameras {
		if start, ok := starts[c.Rig]; ok && configs[c.Entry].Start.IsZero() {
			cameras[i].Config.Start = start
		}
	}
}

// Totals are each camera's counts so far, over all lives of its process.
func (f *feed) Totals() map[string]sources.Beat { return f.sup.Totals() }

// Pause makes finite sources wait and live ones drop what they see, counted; or all go on again.
func (f *feed) Pause(paused bool) error {
	var errs []error
	for _, c := range f.Cameras {
		errs = append(errs, f.sup.Pause(c.Name, paused))
	}
	return errors.Join(errs...)
}

// Stop asks the capture processes to write what they have and end; Wait for it.
func (f *feed) Stop() { f.sup.Stop() }

// Done is closed once the feed has ended.
func (f *feed) Done() <-chan struct{} { return f.done }

// Wait returns when the feed has ended: nil, or why cameras were given up.
func (f *feed) Wait() error {
	<-f.done
	var child *sources.ChildError
	if errors.As(f.err, &child) && child.Exit == exitUnreachable {
		return fmt.Errorf("%w: %w", topic.ErrUnreachable, f.err)
	}
	return f.err
}

func now() time.Time { return time.Now().UTC() }
