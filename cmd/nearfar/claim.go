package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/topic"
)

// claim makes this process the one trainer of the run: embeddings of two runs of one name would have the same ids.
// The folder's lock keeps others of this machine away from the folder; this keeps those of other folders and other
// machines away from the name.
func (s *session) claim(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("finding this machine's name: %w", err)
	}
	folder, err := filepath.Abs(s.run.Path)
	if err != nil {
		return err
	}
	c := topic.Claimant{Group: s.run.Record.ID, Owner: fmt.Sprintf("%s %s %s", s.run.Record.Owner, host, folder),
		Host: host, PID: os.Getpid(), Lease: s.cfg.Kafka.Lease,
		Wait: func(holder string) {
			s.log.Warn("another trainer of this run has not left: looking whether it lives", "holder", holder, "for", s.cfg.Kafka.Lease)
		}}
	if s.resume != "" {
		if c.Epoch, err = train.Epoch(s.resume); err != nil {
			return err
		}
	}
	s.tenure, err = topic.Claim(ctx, s.cfg.Kafka.Config, s.cfg.Kafka.TrainersTopic().Name, c)
	return err
}
