package objective

import (
	"slices"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// A batch begins with the newest frames. Objectives that show several pictures of each frame take fewer frames
// than a batch has, and must not take the newest alone: nothing older would ever be replayed.
func TestFewRowsAreSpreadOverTheBatch(t *testing.T) {
	frames := footage(480)
	shown := map[string]func(o Objective) []*frame.Frame{
		"rotation": func(o Objective) []*frame.Frame { return o.(*rotation).asked },
		"sla":      func(o Objective) []*frame.Frame { return o.(*sla).asked },
		"vince": func(o Objective) (anchors []*frame.Frame) {
			for frames := range slices.Chunk(o.(*vince).frames, 4) {
				anchors = append(anchors, frames[0])
			}
			return anchors
		},
		"jigsaw": func(o Objective) []*frame.Frame { return o.(*jigsaw).asked },
	}
	for kind, of := range shown {
		n := needs("batch")
		n.Sampler.Replay.Newest = 0.25
		b := newBench(t, Config{Kind: kind}, n, frames)
		b.paint()
		newest := b.draw.Anchor[:n.Batch/4]
		count := 0
		for _, f := range of(b.objective) {
			if !slices.Contains(b.draw.Anchor[:n.Batch], f) {
				t.Fatalf("%s shows a frame that was not drawn", kind)
			}
			if slices.Contains(newest, f) {
				count++
			}
		}
		if rows := len(of(b.objective)); count != max(1, rows/4) {
			t.Errorf("%s: %d of %d frames are of the newest quarter of the batch, want %d", kind, count, rows, max(1, rows/4))
		}
	}
}
