package topic

import (
	"context"
	"fmt"
	"time"

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
	left := 0 // partitions that have not been read to the end
	for id, b := range bounds {
		from[id] = max(b.First, b.Next-int64(perPartition))
		if from[id] < b.Next {
			left++
		}
	}
	if left == 0 {
		return nil, nil
	}
	r, err := NewReader(ctx, cfg, topic, from, ReaderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	patience := Defaults().Timeout
	if cfg.Timeout > 0 {
		patience = cfg.Timeout
	}
	tails := make([][]frame.Message, len(bounds))
	for left > 0 {
		bounded, cancel := context.WithTimeout(ctx, patience)
		m, err := r.Fetch(bounded)
		cancel()
		if err != nil {
			if ctx.Err() == nil && bounded.Err() != nil {
				err = fmt.Errorf("no message for %v", patience.Round(time.Millisecond))
			}
			return nil, fmt.Errorf("reading the end of topic %s: %w", topic, err)
		}
		id, next := m.Ref.Partition, bounds[m.Ref.Partition].Next
		if m.Ref.Offset < next {
			tails[id] = append(tails[id], m)
		}
		if m.Ref.Offset == next-1 {
			left--
		}
	}
	var all []frame.Message
	for _, t := range tails {
		all = append(all, t...)
	}
	return all, nil
}
