package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/metrics"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// listener is the HTTP side of a process: bound before anything starts, so that a port that is taken ends the
// command at once, and answering once there is something to tell. A nil one is off.
type listener struct {
	cfg    config.HTTPConfig
	log    *slog.Logger
	net    net.Listener
	server *metrics.Server
}

// listen binds the listener of a configuration, if it wants one.
func listen(ctx context.Context, c config.HTTPConfig, log *slog.Logger) (*listener, error) {
	if c.Listen == "" {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Address())
	if err != nil {
		return nil, fmt.Errorf("listening on http.listen %s (choose another port, or stop who has it): %w", c.Listen, err)
	}
	return &listener{cfg: c, log: log, net: l}, nil
}

// serve answers from now on: read puts the accounts, checks say whether the process is ready.
func (l *listener) serve(read func(metrics.Put), checks ...metrics.Check) {
	if l == nil {
		return
	}
	l.server = metrics.Serve(l.net, metrics.Options{Token: l.cfg.Token.Reveal(), Pprof: l.cfg.Pprof, Read: read, Ready: redacted(checks)})
	l.log.Info("answering /healthz, /readyz and /metrics", "address", l.net.Addr().String())
}

// close ends answering.
func (l *listener) close() error {
	switch {
	case l == nil:
		return nil
	case l.server == nil:
		return l.net.Close()
	}
	return l.server.Close()
}

// redacted keeps credentials out of what checks say.
func redacted(checks []metrics.Check) []metrics.Check {
	out := make([]metrics.Check, len(checks))
	for i, c := range checks {
		out[i] = metrics.Check{Name: c.Name, Do: func(ctx context.Context) error {
			if err := c.Do(ctx); err != nil {
				return fmt.Errorf("%s", sources.Redact(err.Error()))
			}
			return nil
		}}
	}
	return out
}

// kafkaReady checks that a broker answers and has the topic of frames.
func kafkaReady(k config.KafkaConfig) metrics.Check {
	return metrics.Check{Name: "kafka", Do: func(ctx context.Context) error {
		if _, err := topic.Bounds(ctx, k.Config, k.Frames); err != nil {
			return fmt.Errorf("%s does not tell about topic %s: %w", strings.Join(k.Brokers, ","), k.Frames, err)
		}
		return nil
	}}
}

// putBuild tells what runs.
func putBuild(put metrics.Put) {
	b := built()
	put("build_info", 1, b.Version, b.Commit, b.Go)
}
