package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// position is how far Kafka has a camera's frames.
type position struct {
	next  uint64    // the first sequence number it does not have
	start time.Time // capture time of the camera's media time 0
}

// positions looks where cameras stopped: it reads the ends of the topic's partitions, further and further
// back until every camera has been found or there is nothing more to read above floor (nil: above the
// first offset there is). Cameras that were never seen are missing from the result.
func positions(ctx context.Context, cfg topic.Config, name string, maxBytes int, cameras []string, floor map[int]int64) (map[string]position, error) {
	bounds, err := topic.Bounds(ctx, cfg, name)
	if err != nil {
		return nil, fmt.Errorf("finding the ends of topic %s: %w", name, err)
	}
	found := map[string]position{}
	for back := int64(64); len(found) < len(cameras); back *= 16 {
		from, left, empty := map[int]int64{}, false, true
		for partition, b := range bounds {
			low := max(b.First, floor[partition])
			from[partition] = min(max(low, b.Next-back), b.Next)
			left = left || from[partition] > low
			empty = empty && from[partition] == b.Next
		}
		if empty {
			break
		}
		if err := scan(ctx, cfg, name, maxBytes, from, bounds, cameras, found); err != nil {
			return nil, fmt.Errorf("reading where cameras stopped in topic %s: %w", name, err)
		}
		if !left {
			break
		}
	}
	return found, nil
}

// scan reads every partition from an offset to its end as it was when bounds were taken, and notes the
// cameras it wants.
func scan(ctx context.Context, cfg topic.Config, name string, maxBytes int, from map[int]int64, bounds map[int]topic.Bound, cameras []string, found map[string]position) error {
	r, err := topic.NewReader(ctx, cfg, name, from, topic.ReaderOptions{MaxBytes: maxBytes})
	if err != nil {
		return err
	}
	defer r.Close()
	behind := 0
	for partition, b := range bounds {
		if from[partition] < b.Next {
			behind++
		}
	}
	for behind > 0 {
		bounded, cancel := context.WithTimeout(ctx, cfg.Timeout)
		m, err := r.Fetch(bounded)
		cancel()
		if err != nil {
			return err
		}
		if m.Ref.Offset >= bounds[m.Ref.Partition].Next {
			continue // written since, by a process that this one is not about
		}
		note(m, cameras, found)
		if m.Ref.Offset == bounds[m.Ref.Partition].Next-1 {
			behind--
		}
	}
	return nil
}

// note takes a message's camera, if it is one of those looked for. A message that is no frame of ours is
// passed over: the trainer will send it to the dead letters.
func note(m frame.Message, cameras []string, found map[string]position) {
	e, err := frame.Parse(m)
	if err != nil {
		return
	}
	for _, camera := range cameras {
		if camera != e.Camera {
			continue
		}
		if p, ok := found[camera]; !ok || e.Seq+1 > p.next {
			found[camera] = position{next: e.Seq + 1, start: e.Captured.Add(-e.PTS)}
		}
	}
}
