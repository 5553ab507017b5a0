package topictest

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// order: messages are wanted in another order of the partitions than that of the log, and as many more come behind.
func (s suite) order(t *testing.T) {
	const partitions, n, wanted = 4, 300, 200
	ctx, name := s.context(t), s.topic(t, partitions)
	var some []frame.Message
	for i := range n {
		some = append(some, numbered("rig"+strconv.Itoa(i%17), i, 1)...)
	}
	if err := s.writer(t, name).Write(ctx, some...); err != nil {
		t.Fatal(err)
	}
	bounds, err := topic.Bounds(ctx, s.cfg, name)
	if err != nil {
		t.Fatal(err)
	}
	r, next := rand.New(rand.NewPCG(1, 2)), map[int]int64{}
	var order []frame.Ref
	for len(order) < wanted {
		if p := r.IntN(partitions); next[p] < bounds[p].Next {
			order = append(order, frame.Ref{Topic: name, Partition: p, Offset: next[p]})
			next[p]++
		}
	}
	reader, err := topic.NewReader(ctx, s.cfg, name, nil, topic.ReaderOptions{Order: order})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	for i, m := range fetch(t, ctx, reader, n) {
		if i < wanted && m.Ref != order[i] {
			t.Fatalf("message %d is %v, and %v was wanted", i, m.Ref, order[i])
		}
	}
}
