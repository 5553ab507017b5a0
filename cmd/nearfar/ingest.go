package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/metrics"
)

func newIngestCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ingest", Short: "Capture cameras into Kafka", Args: cobra.NoArgs,
		Long: `Capture cameras into Kafka, one process per camera. A live camera reconnects for ever and drops its oldest
frames when Kafka is slow; a file waits. A camera Kafka already has frames of goes on where they stop.
Ends when every file has ended, after --for, or by a signal, and then says what became of every frame.`,
		Example: `  nearfar ingest --brokers kafka:9092 --source rtsp://10.0.0.7/door --source clip.mp4
  nearfar ingest --config four-cameras.yaml --brokers kafka:9092`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	flags.bind(cmd, "for", "run.for", "stop after a `duration` like 10m (default: never)")
	flags.bindHTTP(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "the counts as one JSON object per camera")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := flags.load(cmd, config.NeedSources, config.NeedBrokers)
		if err != nil {
			return err
		}
		return a.ingest(cmd.Context(), cfg, asJSON)
	}
	return cmd
}

// ingest feeds Kafka until the sources end, time is up or a signal comes, and then says what it did.
func (a *app) ingest(ctx context.Context, cfg *config.Config, asJSON bool) (err error) {
	if cfg.Run.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.Run.For)
		defer cancel()
	}
	log := a.logger(cfg.Log)
	http, err := listen(ctx, cfg.HTTP, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, http.close()) }()
	defer deadline(ctx, cfg.Run.Drain, log)()
	unbound, err := boundMemory(ctx, cfg.Run.Memory, log)
	if err != nil {
		return err
	}
	defer unbound()
	f, err := startFeed(ctx, cfg, log, nil)
	if err != nil {
		return err
	}
	http.serve(func(put metrics.Put) {
		putBuild(put)
		f.put(put, f.counts())
	}, kafkaReady(cfg.Kafka), f.ready())
	watch(a.err, f)
	err = f.Wait()
	if tellErr := tell(a.out, f, asJSON); err == nil {
		err = tellErr
	}
	if lost := unaccounted(f.Totals()); err == nil && lost != 0 {
		err = fmt.Errorf("%d frames are neither acknowledged nor counted as dropped", lost)
	}
	return err
}
