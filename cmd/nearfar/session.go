package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/spool"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/topic"
)

// configFile is the resolved configuration in a run's folder, which --resume reads.
const configFile = "config.yaml"

// session is one life of a run: its folder, its broker, its sinks, and what watches it.
type session struct {
	app     *app
	cfg     *config.Config
	log     *slog.Logger
	demo    bool
	run     *online.RunDir
	set     train.Settings
	resume  string // checkpoint to go on from
	broker  *broker.Broker
	feed    *feed // nil where somebody else captures
	ledger  *ledger
	behind  atomic.Int64
	meter   *online.Meter
	http    *listener // nil: off
	books   books
	sinks   []sinks.Sink
	spools  map[string]*spool.Spool // by the name of the sink they stand before
	tenure  *topic.Tenure
	unbound func() // ends the watch over run.memory
	started time.Time
}

// openSession takes the run's folder and finds out where the run stands.
func (a *app) openSession(c *config.Config, demo, resume bool) (*session, error) {
	s := &session{app: a, cfg: c, log: a.logger(c.Log), demo: demo, started: now()}
	dir, err := runFolder(c, resume)
	if err != nil {
		return nil, err
	}
	c.Run.Out = dir
	shown, err := masked(c)
	if err != nil {
		return nil, err
	}
	s.run, err = online.OpenRun(dir, online.Record{ID: filepath.Base(dir), Started: s.started, Seed: c.Run.Seed, Versions: versions(), Config: shown})
	if err != nil {
		return nil, err
	}
	err = s.prepare(resume)
	if err == nil {
		s.http, err = listen(context.Background(), c.HTTP, s.log)
	}
	if err == nil {
		s.unbound, err = boundMemory(context.Background(), c.Run.Memory, s.log)
	}
	if err != nil {
		return nil, errors.Join(err, s.http.close(), s.run.Close())
	}
	return s, nil
}

// prepare writes the configuration down and finds the checkpoint to go on from. A run that is resumed keeps
// its configuration as it is: where secrets were masked, somebody may have put them in, so nobody else reads it.
func (s *session) prepare(resume bool) error {
	if !resume {
		if err := os.WriteFile(filepath.Join(s.run.Path, configFile), config.Recipe(s.cfg), 0o600); err != nil {
			return fmt.Errorf("writing the run's configuration down: %w", err)
		}
	}
	s.set = settings(s.cfg, s.run.Record.ID)
	s.run.Record.Versions["precision"] = s.set.Precision.String()
	path, damaged, err := s.run.Latest()
	for _, d := range damaged {
		s.log.Warn("passing over a checkpoint", "err", d)
	}
	if err != nil {
		return err
	}
	s.resume = path
	if path != "" {
		s.log.Info("going on from", "checkpoint", path)
	}
	useThreads(s.cfg.Run.Threads)
	s.meter = online.NewMeter(s.set.Model.Width(), s.set.Probe, s.cfg.Sampler.Gap)
	s.meter.Recall(s.run.Last())
	s.openBooks()
	return nil
}

// runFolder is where the run lives: run.out, or a new folder in runs/. A run that has ended is left alone
// unless it is resumed by name.
func runFolder(c *config.Config, resume bool) (string, error) {
	dir := c.Run.Out
	if dir == "" {
		name := c.Run.Name
		if name == "" {
			name = time.Now().Format("20060102-150405")
		}
		dir = filepath.Join("runs", name)
	}
	switch ended, err := hasEnded(dir); {
	case err != nil:
		return "", err
	case ended && !resume:
		return "", fmt.Errorf("the run in %s has ended; choose another --out, or go on with it by --resume %s (and more --frames, --steps or sources)", dir, dir)
	}
	return dir, nil
}

// hasEnded says whether there is a run in dir that has ended.
func hasEnded(dir string) (bool, error) {
	r, err := online.ReadRecord(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && r.Ended != nil, err
}

// nextFree is dir, or the first of dir-2, dir-3 … where no run has ended yet.
func nextFree(dir string) string {
	free := dir
	for n := 2; ; n++ {
		if ended, err := hasEnded(free); err != nil || !ended { // what is wrong with it is told when it is opened
			return free
		}
		free = fmt.Sprintf("%s-%d", dir, n)
	}
}

// versions are what a run was made with.
func versions() map[string]string {
	b := built()
	return map[string]string{"nearfar": b.Version, "commit": b.Commit, "go": b.Go, "system": b.System,
		"onednn": kernel.Version(), "cpu": kernel.CPUISA(), "cores": fmt.Sprint(runtime.NumCPU())}
}

// startBroker starts the embedded broker, or leaves it to the brokers of the configuration.
func (s *session) startBroker() error {
	if !s.cfg.Kafka.Embedded() {
		return nil
	}
	b, err := broker.Start(broker.Config{Dir: s.cfg.BrokerDir(), Port: s.cfg.Kafka.Port, Log: s.log})
	if err != nil {
		return err
	}
	s.broker = b
	s.cfg.Kafka.Brokers = []string{b.Addr()}
	s.log.Info("embedded broker: a single node, not for production", "address", b.Addr())
	return nil
}

// openTopics makes the topics that are missing and counts the frames that are there already.
func (s *session) openTopics(ctx context.Context) error {
	k := s.cfg.Kafka
	if err := topic.Ensure(ctx, k.Config, k.FramesTopic(), k.EmbeddingsTopic(), k.DeadLetterTopic(), k.TrainersTopic()); err != nil {
		return err
	}
	if err := s.claim(ctx); err != nil {
		return err
	}
	bounds, err := topic.Bounds(ctx, k.Config, k.Frames)
	if err != nil {
		return err
	}
	s.ledger, err = openLedger(s.run.Path, bounds)
	return err
}

// closeBook accounts for what was captured, where a life ends before it has its summary.
func (s *session) closeBook(ctx context.Context) error {
	bounds, err := topic.Bounds(context.WithoutCancel(ctx), s.cfg.Kafka.Config, s.cfg.Kafka.Frames)
	if err != nil {
		return nil // Kafka is away: the next life will find out
	}
	return s.ledger.end(s.totals(), bounds)
}

// totals are each camera's counts in this life.
func (s *session) totals() map[string]sources.Beat {
	if s.feed == nil {
		return nil
	}
	return s.feed.Totals()
}

// lag is how many frames the trainer is behind, as it was last measured.
func (s *session) lag() int64 { return s.behind.Load() }

// close lets everything go: those who write first, the broker last.
func (s *session) close() {
	errs := []error{s.http.close()}
	if s.unbound != nil {
		s.unbound()
	}
	if s.feed != nil {
		s.feed.Stop()
		<-s.feed.Done()
	}
	for _, sink := range s.sinks {
		errs = append(errs, sink.Close())
	}
	if s.tenure != nil {
		errs = append(errs, s.tenure.Close())
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Close())
	}
	if err := errors.Join(append(errs, s.run.Close())...); err != nil {
		s.log.Error("closing the run", "err", err)
	}
}
