package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrShareLost says that a share of a topic belongs to another member of the group by now, or may: what was not
// committed is read again by whoever has it next.
var ErrShareLost = errors.New("the share of the topic is lost")

// How fast a group notices that a member died, and how often a member says that it lives.
const (
	memberDead  = 10 * time.Second
	memberBeats = time.Second
	rejoinAfter = 250 * time.Millisecond
	handOver    = 10 * time.Second // how long members may take to finish what they have begun before others go on
)

// Share is what one member of a group reads for now.
type Share struct {
	Only []int         // its partitions; there may be none
	From map[int]int64 // where the group stands in them; a partition that is missing was never read

	topic string
	gen   *kafka.Generation
}

// Commit tells the group how far the share has been worked through: the next offset of each partition. An error
// that wraps ErrShareLost ends the share and not the membership.
func (s Share) Commit(next map[int]int64) error {
	err := s.gen.CommitOffsets(map[string]map[int]int64{s.topic: next})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("telling group %s how far topic %s is read: %w", s.gen.GroupID, s.topic, err)
	if lost(err) {
		return fmt.Errorf("%w: %w", ErrShareLost, err)
	}
	return err
}

// lost reports whether an error of the group's coordinator is cured by joining again.
func lost(err error) bool {
	for _, code := range []kafka.Error{kafka.RebalanceInProgress, kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.NotCoordinatorForGroup} {
		if errors.Is(err, code) {
			return true
		}
	}
	return transient(err)
}

// Shared reads a topic together with everybody who names the same group: each has a share of the partitions, and
// they are shared out anew whenever a member comes, leaves or dies. Work is called with one share after another;
// its context ends when the share is to be given back, and it has ten seconds to finish what it has begun.
// Shared returns the first error of work that is not ErrShareLost; when ctx ends, its cause; and ErrUnreachable or
// ErrNoTopic where no share can be had. It goes on trying for as long as the brokers answer: a coordinator that waits
// for members that have died may take several times handOver.
//
// A share that is lost is read again from its last commit by another member: work must bear to be done twice.
func Shared(ctx context.Context, cfg Config, group, topic string, work func(context.Context, Share) error) error {
	c, err := newClient(cfg)
	if err != nil {
		return fmt.Errorf("reading topic %s as a member of group %s: %w", topic, group, err)
	}
	defer c.close()
	members, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: c.cfg.Brokers, Dialer: c.dialer, Topics: []string{topic},
		HeartbeatInterval: memberBeats, SessionTimeout: memberDead, RebalanceTimeout: handOver,
		JoinGroupBackoff: rejoinAfter, StartOffset: kafka.FirstOffset, Timeout: c.cfg.Timeout,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("joining group %s of topic %s: %w", group, topic, err)
	}
	defer members.Close()
	alone := time.Now() // since when there is no share
	for {
		gen, err := members.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !lost(err):
			return c.cfg.explain(fmt.Sprintf("joining group %s of topic %s", group, topic), topic, time.Since(alone), err)
		case err != nil && time.Since(alone) > c.cfg.Timeout:
			if _, err := c.bounds(ctx, topic); err != nil {
				return fmt.Errorf("joining group %s: %w", group, err)
			}
			continue
		case err != nil:
			continue
		}
		if err := share(ctx, gen, topic, work); err != nil && !errors.Is(err, ErrShareLost) {
			return err
		}
		alone = time.Now()
	}
}

// share works through one generation's share.
func share(ctx context.Context, gen *kafka.Generation, topic string, work func(context.Context, Share) error) error {
	s := Share{From: map[int]int64{}, topic: topic, gen: gen}
	for _, a := range gen.Assignments[topic] {
		s.Only = append(s.Only, a.ID)
		if a.Offset >= 0 {
			s.From[a.ID] = a.Offset
		}
	}
	done := make(chan error, 1)
	gen.Start(func(over context.Context) {
		mine, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		ended := make(chan struct{})
		defer close(ended)
		go func() { // kafka-go's context of a generation is none that others can be derived from
			select {
			case <-over.Done():
				cancel(ErrShareLost)
			case <-ended:
			}
		}()
		if len(s.Only) == 0 {
			<-mine.Done()
			done <- context.Cause(mine)
			return
		}
		done <- work(mine, s)
	})
	err := <-done
	if ctx.Err() != nil && errors.Is(err, ErrShareLost) {
		return context.Cause(ctx)
	}
	return err
}
