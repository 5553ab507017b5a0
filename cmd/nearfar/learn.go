package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/sinks/stdout"
	sinktopic "github.com/nearfar/nearfar/sinks/topic"
	"github.com/nearfar/nearfar/streams/topic"
)

// metricsEvery is the time between lines of metrics.jsonl.
const metricsEvery = 2 * time.Second

// Where no one looks, a plain line comes often at first and then now and then.
const (
	plainEvery = 5 * time.Second
	plainLines = 12 // after which it is plainLater
	plainLater = 30 * time.Second
)

// learn trains until the frames are over, enough steps are taken or ctx is cancelled, and tells how it goes.
func (s *session) learn(ctx context.Context, over <-chan struct{}) (online.Result, error) {
	var err error
	if s.sinks, err = s.openSinks(); err != nil {
		return online.Result{}, err
	}
	for i, sink := range s.sinks { // before the spools, or those would go on sending for who was replaced
		s.sinks[i] = online.Held(sink, s.tenure)
	}
	if err := s.spoolSinks(); err != nil {
		return online.Result{}, err
	}
	decoding, err := besideLearning(s.cfg.Run.Apart)
	if err != nil {
		return online.Result{}, err
	}
	k := s.cfg.Kafka
	s.http.serve(s.put, s.ready()...)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	reported := make(chan error, 1)
	go func() { reported <- s.report(watching) }()
	result, err := online.Learn(ctx, online.Options{
		Kafka: k.Config, Frames: k.Frames, MaxBytes: k.MaxMessage(), Settings: s.set,
		Dir: s.run.Checkpoints(), Resume: s.resume, From: s.ledger.book.First,
		Sinks: s.sinks, Unsent: s.unsent(), Journal: filepath.Join(s.run.Path, "journal"), Steps: s.cfg.Run.Steps, MaxFrames: s.frameLimit(), MaxLag: s.cfg.Train.MaxLag,
		Over: over, Decoders: decoding.atOnce, Decode: decoding.decode, Computes: decoding.computes, Meter: s.meter, Log: s.log, Best: s.cfg.Checkpoint.Best,
		Lag: func(n int64) { s.behind.Store(n) }, Account: s.books.take, Hold: s.tenure,
		Saved: func(path string, step uint64) {
			s.books.saves.add(path, step)
			s.log.Debug("saved", "checkpoint", path, "step", step)
		},
	})
	stop()
	return result, errors.Join(err, <-reported, decoding.stop())
}

// frameLimit is how many frames a trainer takes where it cannot stop the capture.
func (s *session) frameLimit() uint64 {
	if s.feed != nil {
		return 0 // the capture is stopped instead, and everything it captured is learned
	}
	return s.cfg.Run.Frames
}

// openSinks opens every place embeddings go to.
func (s *session) openSinks() ([]sinks.Sink, error) {
	var out []sinks.Sink
	for i, c := range s.cfg.Sinks {
		sink, err := s.openSink(c.Kind, c.Path)
		if err != nil {
			return out, fmt.Errorf("opening sinks[%d] (%s): %w", i, c.Kind, err)
		}
		out = append(out, sink)
	}
	return out, nil
}

func (s *session) openSink(kind, path string) (sinks.Sink, error) {
	switch kind {
	case "topic":
		k := s.cfg.Kafka
		w, err := topic.NewWriter(k.Config, k.Embeddings, topic.WriterOptions{MaxBytes: k.MaxMessage()})
		if err != nil {
			return nil, err
		}
		return sinktopic.New(w, k.Embeddings), nil
	case "files":
		if path == "" {
			path = filepath.Join(s.run.Path, "embeddings.jsonl")
		}
		return files.Open(path)
	case "stdout":
		return stdout.New(s.app.out), nil
	}
	return nil, fmt.Errorf("there is no sink of kind %q", kind)
}

// report writes metrics.jsonl and a line for whoever looks, until ctx ends.
func (s *session) report(ctx context.Context) error {
	live := terminal(s.app.err)
	every := plainEvery
	if live {
		every = time.Second
		defer fmt.Fprintln(s.app.err)
	}
	show, keep := time.NewTicker(every), time.NewTicker(metricsEvery)
	lines := 0
	defer show.Stop()
	defer keep.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.keep()
		case <-keep.C:
			if err := s.keep(); err != nil {
				return fmt.Errorf("writing metrics.jsonl: %w", err)
			}
		case <-show.C:
			form := "%s\n"
			if live {
				form = "\r%s\x1b[K"
			} else if lines++; lines == plainLines {
				show.Reset(plainLater) // who reads a log wants to see that it runs, and then how it went
			}
			fmt.Fprintf(s.app.err, form, line(s.meter.Last()))
		}
	}
}

// losses are what the objectives tell, in a few words.
func losses(s online.Status) string {
	var words []string
	for _, o := range s.Objectives {
		words = append(words, o.String())
	}
	return strings.Join(words, ", ")
}

// line is a status for people.
func line(s online.Status) string {
	text := fmt.Sprintf("step %d  %.1f frames/s in  %.1f steps/s  lag %d", s.Step, s.FramesPerSec, s.StepsPerSec, s.Lag)
	if s.Step > 0 {
		text += "  loss " + losses(s)
	}
	if s.EffectiveRank > 0 {
		text += fmt.Sprintf("  std %.4f  rank %.0f", s.EmbeddingStd, s.EffectiveRank)
	}
	if s.KNNSamples > 0 {
		text += fmt.Sprintf("  kNN %.0f%%", 100*s.KNN)
	}
	return text
}
