package topic_test

import (
	"errors"
	"testing"

	"github.com/nearfar/nearfar/streams/topic"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafka-go asks for the offsets of a topic over several connections; where one of them breaks it says "unknown server
// error" of what was asked there.
func TestFaultAConnectionThatBreaksWhileOffsetsAreAskedForIsNoFailure(t *testing.T) {
	c, cfg := cluster(t)
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: 3})
	if err := writer(t, cfg, "frames").Write(minute(t), number(0)); err != nil {
		t.Fatal(err)
	}
	broken := 0
	for range 3 {
		c.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
			broken++
			return nil, errors.New("hanging up"), true
		})
	}
	for range 4 {
		bounds, err := topic.Bounds(minute(t), cfg, "frames")
		if err != nil || len(bounds) != 3 || bounds[0].Next+bounds[1].Next+bounds[2].Next != 1 {
			t.Errorf("%v, %v", bounds, err)
		}
	}
	if broken != 3 {
		t.Errorf("%d connections broke", broken)
	}
}
