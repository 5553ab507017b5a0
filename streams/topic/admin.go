package topic

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// Spec is a topic as it should be.
type Spec struct {
	Name           string
	Partitions     int           // 0: one where it must be created, any number where it exists
	Replication    int           // 0: one
	Retention      time.Duration // how long messages are kept; 0: for ever
	RetentionBytes int64         // how much of each partition is kept; 0: all
	MaxBytes       int           // largest message: key, value and headers together; required
	Compact        bool          // keep only the newest message of each key, for as long as Retention and RetentionBytes say
}

// DeadLetters is the topic for what could not be used of this one: the same limits, room for the reason.
func (s Spec) DeadLetters() Spec {
	s.Name += ".dlq"
	s.Partitions, s.Compact = 1, false
	s.MaxBytes += deadRoom
	return s
}

// Ensure creates the topics that are missing and compares those that exist. An existing topic with
// another number of partitions, or that takes only smaller messages, is an error that says what to do;
// retention is the operator's and not compared.
func Ensure(ctx context.Context, cfg Config, specs ...Spec) error {
	c, err := newClient(cfg)
	if err != nil {
		return err
	}
	defer c.close()
	for _, s := range specs {
		if s.Name == "" || s.MaxBytes <= 0 {
			return fmt.Errorf("creating topic %q: it needs a name and the size of its largest message", s.Name)
		}
		if err := c.ensure(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) ensure(ctx context.Context, s Spec) error {
	var ids []int
	var missing bool
	err := c.do(ctx, fmt.Sprintf("looking for topic %s", s.Name), s.Name, func(ctx context.Context) (err error) {
		ids, err = c.partitions(ctx, s.Name)
		if missing = errors.Is(err, kafka.UnknownTopicOrPartition); missing {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if missing {
		return c.create(ctx, s)
	}
	if s.Partitions > 0 && len(ids) != s.Partitions {
		return fmt.Errorf("topic %s has %d partitions, not %d: set partitions to %d, or give another topic name (adding partitions would send the frames of a rig elsewhere)",
			s.Name, len(ids), s.Partitions, len(ids))
	}
	return c.checkSize(ctx, s)
}

// create makes a topic and waits until it has leaders.
func (c *client) create(ctx context.Context, s Spec) error {
	err := c.do(ctx, fmt.Sprintf("creating topic %s", s.Name), s.Name, func(ctx context.Context) error {
		answer, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: s.Name, NumPartitions: max(s.Partitions, 1), ReplicationFactor: max(s.Replication, 1), ConfigEntries: s.entries(),
		}}})
		if err != nil {
			return err
		}
		if err = answer.Errors[s.Name]; errors.Is(err, kafka.TopicAlreadyExists) {
			return nil // another process was quicker, or an answer got lost
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.do(ctx, fmt.Sprintf("waiting for topic %s", s.Name), s.Name, func(ctx context.Context) error {
		_, err := c.partitions(ctx, s.Name)
		return err
	})
}

// checkSize compares the largest message an existing topic takes.
func (c *client) checkSize(ctx context.Context, s Spec) error {
	const name = "max.message.bytes"
	return c.do(ctx, fmt.Sprintf("asking for the settings of topic %s", s.Name), s.Name, func(ctx context.Context) error {
		answer, err := c.kafka.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: s.Name, ConfigNames: []string{name},
		}}})
		if err != nil {
			return err
		}
		for _, r := range answer.Resources {
			if r.Error != nil {
				return r.Error
			}
			for _, e := range r.ConfigEntries {
				if e.ConfigName != name {
					continue
				}
				have, err := strconv.Atoi(e.ConfigValue)
				if err != nil {
					return fmt.Errorf("its %s is %q, no number", name, e.ConfigValue)
				}
				if want := s.MaxBytes + overhead; have < want {
					return fmt.Errorf("it takes messages of %d bytes and must take %d: raise its setting %s to %d (kafka-configs --alter --topic %s --add-config %s=%d), or lower the size of the largest frame",
						have, want, name, want, s.Name, name, want)
				}
				return nil
			}
		}
		return fmt.Errorf("the brokers did not tell its %s", name)
	})
}

// entries are the settings of a new topic. Kafka deletes whole segments only, so their size follows
// retention; they are set even where they equal a default, since the embedded broker applies only those.
func (s Spec) entries() []kafka.ConfigEntry {
	ms, bytes := int64(-1), int64(-1)
	if s.Retention > 0 {
		ms = s.Retention.Milliseconds()
	}
	segment := int64(128 << 20)
	if s.RetentionBytes > 0 {
		bytes = s.RetentionBytes
		segment = min(segment, max(bytes/8, 1<<20))
	}
	segment = max(segment, int64(s.MaxBytes+overhead))
	policy := "delete"
	switch {
	case s.Compact && ms < 0 && bytes < 0:
		policy = "compact"
	case s.Compact:
		policy = "compact,delete" // "compact" alone would keep the last message of every key for ever
	}
	e := []kafka.ConfigEntry{
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(s.MaxBytes + overhead)},
		{ConfigName: "cleanup.policy", ConfigValue: policy},
		{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(ms, 10)},
		{ConfigName: "retention.bytes", ConfigValue: strconv.FormatInt(bytes, 10)},
		{ConfigName: "segment.bytes", ConfigValue: strconv.FormatInt(segment, 10)},
	}
	if s.Retention > 0 {
		roll := max(s.Retention/8, time.Minute)
		e = append(e, kafka.ConfigEntry{ConfigName: "segment.ms", ConfigValue: strconv.FormatInt(roll.Milliseconds(), 10)})
	}
	return e
}
