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
	began   time.Time
	sup     *sources.Supervisor // nil where there is nothing to capture
	done    chan struct{}
	err     error // read after done
}

// startFeed makes the topic, finds out where each camera stopped in an earlier life, and starts a capture
// process for each. The feed ends when its finite sources have ended (and none is live), when it is
// stopped, or when ctx is cancelled; Wait for it.
//
// beat, if not nil, takes each camera's totals as they come.
func startFeed(ctx context.Context, cfg *config.Config, log *slog.Logger, beat func(sources.Beat)) (*feed, error) {
	p, err := planFeed(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return p.start(ctx, cfg, log, beat)
}

// plan is what a feed will capture, and where it goes on.
type plan struct {
	cameras []catalog.Camera
	at      map[string]position // of the cameras that Kafka knows
	bounds  map[int]topic.Bound
}

// planFeed makes the topic and finds out where each camera stopped in an earlier life.
func planFeed(ctx context.Context, cfg *config.Config) (plan, error) {
	var p plan
	var err error
	if p.cameras, err = catalog.Cameras(cfg.Sources, cfg.Run.Seed, now()); err != nil {
		return p, err
	}
	if err := topic.Ensure(ctx, cfg.Kafka.Config, cfg.Kafka.FramesTopic()); err != nil {
		return p, err
	}
	if p.bounds, err = topic.Bounds(ctx, cfg.Kafka.Config, cfg.Kafka.Frames); err != nil {
		return p, err
	}
	names := make([]string, len(p.cameras))
	for i, c := range p.cameras {
		names[i] = c.Name
	}
	p.at, err = positions(ctx, cfg.Kafka.Config, cfg.Kafka.Frames, cfg.Kafka.MaxMessage(), names, nil)
	return p, err
}

// idle is a feed that has ended before it began.
func (p plan) idle() *feed {
	f := &feed{Cameras: p.cameras, done: make(chan struct{})}
	close(f.done)
	return f
}

// start starts a capture process for each camera.
func (p plan) start(ctx context.Context, cfg *config.Config, log *slog.Logger, beat func(sources.Beat)) (*feed, error) {
	children, err := p.children(cfg, log)
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
	f := &feed{Cameras: p.cameras, began: time.Now(), sup: sup, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.err = sup.Run(ctx)
	}()
	return f, nil
}

// tellTrouble logs what is wrong with a camera when it begins and when it is over, not with every beat.
func tellTrouble(log *slog.Logger, before map[string]string, b sources.Beat) {
	switch was := before[b.Camera]; {
	case b.Err == was, b.Fatal: // that the camera is given up is told by the supervisor
		return
	case b.Err != "":
		log.Warn("camera in trouble", "camera", b.Camera, "err", b.Err)
	default:
		log.Info("camera is well again", "camera", b.Camera)
	}
	before[b.Camera] = b.Err
}

// children writes the job of each camera's process: what to capture, and where to go on.
func (p plan) children(cfg *config.Config, log *slog.Logger) ([]sources.Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program for the capture processes: %w", err)
	}
	floor := map[int]int64{} // what lies below has been looked through here
	for partition, b := range p.bounds {
		floor[partition] = b.Next
	}
	resume(cfg.Sources, p.cameras, p.at)
	out := make([]sources.Child, len(p.cameras))
	for i, c := range p.cameras {
		if at, ok := p.at[c.Name]; ok {
			log.Info("going on where Kafka stopped", "camera", c.Name, "frame", at.next)
		}
		job, err := json.Marshal(captureJob{
			Camera: c, Kafka: cfg.Kafka.Config, Password: cfg.Kafka.SASL.Password.Reveal(), Topic: cfg.Kafka.Frames, MaxFrame: int(cfg.Kafka.MaxFrame),
			MaxMessage: cfg.Kafka.MaxMessage(), From: p.at[c.Name].next, Floor: floor,
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
func (f *feed) Totals() map[string]sources.Beat {
	if f.sup == nil {
		return nil
	}
	return f.sup.Totals()
}

// Pause makes finite sources wait and live ones drop what they see, counted; or all go on again.
func (f *feed) Pause(paused bool) error {
	var errs []error
	for _, c := range f.Cameras {
		errs = append(errs, f.sup.Pause(c.Name, paused))
	}
	return errors.Join(errs...)
}

// Stop asks the capture processes to write what they have and end; Wait for it.
func (f *feed) Stop() {
	if f.sup != nil {
		f.sup.Stop()
	}
}

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
