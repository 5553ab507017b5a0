package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// runKafka is the Kafka of a run: the one its configuration names, or its embedded broker, started again
// for as long as it is needed, or used together with the process that runs it.
func (a *app) runKafka(run string) (config.KafkaConfig, func(), error) {
	c, err := config.Load(filepath.Join(run, configFile), config.Options{Environ: a.environ})
	if err != nil {
		return config.KafkaConfig{}, nil, fmt.Errorf("reading the configuration of the run in %s: %w", run, err)
	}
	if !c.Kafka.Embedded() {
		return c.Kafka, func() {}, nil
	}
	c.Run.Out = run
	b, err := broker.Start(broker.Config{Dir: c.BrokerDir(), Port: c.Kafka.Port, Log: a.logger(c.Log)})
	if errors.Is(err, broker.ErrInUse) { // by the run, which goes on
		port, readErr := os.ReadFile(filepath.Join(c.BrokerDir(), "port"))
		if readErr != nil {
			return config.KafkaConfig{}, nil, err
		}
		c.Kafka.Brokers = []string{net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port)))}
		return c.Kafka, func() {}, nil
	}
	if err != nil {
		return config.KafkaConfig{}, nil, err
	}
	c.Kafka.Brokers = []string{b.Addr()}
	return c.Kafka, func() {
		if err := b.Close(); err != nil {
			a.logger(c.Log).Error("closing the broker", "err", err)
		}
	}, nil
}

// fetchFrame reads one frame back from Kafka, at its own size.
func fetchFrame(ctx context.Context, k config.KafkaConfig, ref frame.Ref) (*frame.Frame, error) {
	m, err := topic.At(ctx, k.Config, ref, k.MaxMessage())
	if err != nil {
		return nil, err
	}
	e, err := frame.Parse(m)
	if err != nil {
		return nil, fmt.Errorf("reading frame %s: %w", ref, err)
	}
	return picture.Decode(e, 0)
}
