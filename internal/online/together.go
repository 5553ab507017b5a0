package online

import (
	"context"
	"errors"
	"maps"

	"github.com/nearfar/nearfar/streams/topic"
)

// together embeds as one of a group: its share of the partitions changes as workers come and go. What a worker had
// read and not yet committed when it lost its share is embedded again by the next one, under the same ids.
func (w *embedWorker) together(ctx context.Context) error {
	return topic.Shared(ctx, w.o.Kafka, w.o.Group, w.o.Frames, func(ctx context.Context, s topic.Share) error {
		w.share, w.positions = &s, maps.Clone(s.From)
		w.o.Log.Info("embedding a share of the topic", "group", w.o.Group, "partitions", s.Only)
		err := w.work(ctx)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) { // while it was starting
			return context.Cause(ctx)
		}
		return err
	})
}

// only are the partitions to read, nil for all.
func (w *embedWorker) only() []int {
	if w.share == nil {
		return nil
	}
	return w.share.Only
}
