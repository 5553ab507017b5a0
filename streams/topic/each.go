package topic

import (
	"context"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Each reads a topic from offsets of each partition (those missing: from the first message) to its end as it is
// now, and hands every message on, by log time. An error of fn ends it. Errors wrap ErrUnreachable or ErrNoTopic.
func Each(ctx context.Context, cfg Config, topic string, from map[int]int64, maxBytes int, fn func(frame.Message) error) error {
	bounds, err := Bounds(ctx, cfg, topic)
	if err != nil {
		return err
	}
	start, left := make(map[int]int64, len(bounds)), 0 // partitions that have not been read to the end
	for id, b := range bounds {
		start[id] = min(max(b.First, from[id]), b.Next)
		if start[id] < b.Next {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	r, err := NewReader(ctx, cfg, topic, start, ReaderOptions{MaxBytes: maxBytes})
	if err != nil {
		return err
	}
	defer r.Close()
	patience := Defaults().Timeout
	if cfg.Timeout > 0 {
		patience = cfg.Timeout
	}
	over := map[int]bool{}
	for left > 0 {
		bounded, cancel := context.WithTimeout(ctx, patience)
		m, err := r.Fetch(bounded)
		cancel()
		if err != nil {
			if ctx.Err() == nil && bounded.Err() != nil {
				err = fmt.Errorf("no message for %v", patience.Round(time.Millisecond))
			}
			return fmt.Errorf("reading topic %s: %w", topic, err)
		}
		id, next := m.Ref.Partition, bounds[m.Ref.Partition].Next
		if m.Ref.Offset < next {
			if err := fn(m); err != nil {
				return err
			}
		}
		if m.Ref.Offset >= next-1 && !over[id] { // beyond it, where retention took the end meanwhile
			over[id] = true
			left--
		}
	}
	return nil
}
