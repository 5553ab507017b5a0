package topic

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nearfar/nearfar/streams/frame"
)

// Tail reads the last messages of each partition, up to perPartition of them, partition by partition in
// order of offset: where did this camera stop? Errors wrap ErrUnreachable or ErrNoTopic.
func Tail(ctx context.Context, cfg Config, topic string, perPartition int) ([]frame.Message, error) {
	bounds, err := Bounds(ctx, cfg, topic)
	if err != nil {
		return nil, err
	}
	from := make(map[int]int64, len(bounds))
	for id, b := range bounds {
		from[id] = max(b.First, b.Next-int64(perPartition))
	}
	tails := map[int][]frame.Message{}
	err = Each(ctx, cfg, topic, from, 0, func(m frame.Message) error {
		if m.Ref.Offset < bounds[m.Ref.Partition].Next {
			tails[m.Ref.Partition] = append(tails[m.Ref.Partition], m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the end of topic %s: %w", topic, err)
	}
	var all []frame.Message
	for _, id := range slices.Sorted(maps.Keys(tails)) {
		all = append(all, tails[id]...)
	}
	return all, nil
}
