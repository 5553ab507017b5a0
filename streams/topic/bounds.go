package topic

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Bound is what a partition holds: offsets First to Next−1.
type Bound struct{ First, Next int64 }

// Bounds asks what each partition of a topic holds. Errors wrap ErrUnreachable or ErrNoTopic.
func Bounds(ctx context.Context, cfg Config, topic string) (map[int]Bound, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.bounds(ctx, topic)
}

func (c *client) bounds(ctx context.Context, topic string) (map[int]Bound, error) {
	var bounds map[int]Bound
	err := c.do(ctx, fmt.Sprintf("asking for the offsets of topic %s", topic), topic, func(ctx context.Context) error {
		ids, err := c.partitions(ctx, topic)
		if err != nil {
			return err
		}
		var asked []kafka.OffsetRequest
		for _, id := range ids {
			asked = append(asked, kafka.FirstOffsetOf(id), kafka.LastOffsetOf(id))
		}
		answer, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
		if err != nil {
			return err
		}
		bounds = make(map[int]Bound, len(ids))
		for _, p := range answer.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			bounds[p.Partition] = Bound{p.FirstOffset, p.LastOffset}
		}
		if len(bounds) != len(ids) {
			return fmt.Errorf("the brokers told the offsets of %d of %d partitions", len(bounds), len(ids))
		}
		return nil
	})
	return bounds, err
}

// partitions lists the partitions of a topic; each has a leader.
func (c *client) partitions(ctx context.Context, topic string) ([]int, error) {
	answer, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	for _, t := range answer.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil {
			return nil, t.Error
		}
		ids := make([]int, 0, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.Error != nil && !errors.Is(p.Error, kafka.ReplicaNotAvailable) {
				return nil, p.Error
			}
			ids = append(ids, p.ID)
		}
		if len(ids) > 0 {
			return ids, nil
		}
	}
	return nil, kafka.UnknownTopicOrPartition
}
