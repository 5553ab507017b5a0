package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
)

func newTrainCmd(a *app) *cobra.Command {
	var resume string
	cmd := &cobra.Command{
		Use: "train", Short: "Train online from a topic of frames, and publish embeddings", Args: cobra.NoArgs,
		Long: `Trains from the frames topic of a Kafka that somebody else fills (nearfar ingest, or any program that
writes pictures), from its first frame on, until --frames, --steps, or a signal. Started again with the same
--out it goes on where it stopped.`,
		Example: `  nearfar train --brokers kafka:9092 --out runs/yard
  nearfar train --config cluster.yaml --steps 20000`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bind(cmd, "out", "run.out", "the run's `folder` (default: runs/ and the time it began)")
	flags.bind(cmd, "frames", "run.frames", "stop after `N` frames")
	flags.bind(cmd, "steps", "run.steps", "stop after `N` training steps")
	flags.bind(cmd, "for", "run.for", "stop after a `duration` like 2h")
	flags.bind(cmd, "seed", "run.seed", "a `number` that every random decision follows from")
	flags.bind(cmd, "encoder", "model.encoder", strings.Join(model.Encoders(), ", "))
	flags.bind(cmd, "topic", "kafka.frames", "the `topic` of frames")
	flags.bindHTTP(cmd)
	cmd.Flags().StringVar(&resume, "resume", "", "go on with the run in this `folder`, with its own configuration")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flags.resume(cmd, resume); err != nil {
			return err
		}
		c, err := flags.load(cmd, func(c *config.Config, _ config.Report) {
			if resume != "" {
				c.Run.Out = resume
			}
		}, config.NeedBrokers)
		if err != nil {
			return err
		}
		return a.train(cmd.Context(), c, resume != "")
	}
	return cmd
}

// train is `nearfar train` with a whole configuration.
func (a *app) train(ctx context.Context, c *config.Config, resume bool) error {
	if c.Run.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Run.For)
		defer cancel()
	}
	s, err := a.openSession(c, false, resume)
	if err != nil {
		return err
	}
	defer deadline(ctx, c.Run.Drain, s.log)() // closing included
	defer s.close()
	if err := s.openTopics(ctx); err != nil {
		return err
	}
	result, err := s.learn(ctx, nil)
	if err != nil {
		return errors.Join(err, s.closeBook(ctx))
	}
	return s.finish(ctx, result)
}
