package topic

import (
	"context"
	"fmt"

	"github.com/nearfar/nearfar/streams/frame"
)

// At reads the one message at ref. An error says where the message is gone: retention has deleted it, or it
// was never there.
func At(ctx context.Context, cfg Config, ref frame.Ref, maxBytes int) (frame.Message, error) {
	bounds, err := Bounds(ctx, cfg, ref.Topic)
	if err != nil {
		return frame.Message{}, err
	}
	b, ok := bounds[ref.Partition]
	if !ok || ref.Offset < b.First || ref.Offset >= b.Next {
		return frame.Message{}, fmt.Errorf("reading %s: it is not in the topic (any more), which holds offsets %d to %d there", ref, b.First, b.Next-1)
	}
	from := map[int]int64{}
	for id, b := range bounds {
		from[id] = b.Next
	}
	from[ref.Partition] = ref.Offset
	r, err := NewReader(ctx, cfg, ref.Topic, from, ReaderOptions{MaxBytes: maxBytes})
	if err != nil {
		return frame.Message{}, err
	}
	defer r.Close()
	for { // a message of another partition may have come meanwhile
		m, err := r.Fetch(ctx)
		if err != nil {
			return m, fmt.Errorf("reading %s: %w", ref, err)
		}
		if m.Ref.Partition != ref.Partition {
			continue
		}
		if m.Ref.Offset != ref.Offset {
			return m, fmt.Errorf("reading %s: it is not in the topic any more", ref)
		}
		return m, nil
	}
}
