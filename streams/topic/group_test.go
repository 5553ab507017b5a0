package topic_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAMemberOfAGroupNamesABrokerThatIsAway(t *testing.T) {
	t.Parallel() // it mostly waits
	cfg := topic.Config{Brokers: []string{closedPort(t)}, Timeout: 300 * time.Millisecond}
	err := topic.Shared(minute(t), cfg, "band", "frames", func(context.Context, topic.Share) error { return nil })
	if !errors.Is(err, topic.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// A coordinator that refuses for longer than the timeout, while its broker answers, is asked again.
func TestAMemberOfAGroupIsPatientWithTheCoordinator(t *testing.T) {
	c, cfg := cluster(t)
	cfg.Timeout = 300 * time.Millisecond
	ensure(t, cfg, topic.Spec{Name: "frames"})
	began := time.Now()
	var refused atomic.Int64
	c.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if time.Since(began) > 4*cfg.Timeout {
			return nil, nil, false
		}
		refused.Add(1)
		answer := r.(*kmsg.JoinGroupRequest).ResponseKind().(*kmsg.JoinGroupResponse)
		answer.ErrorCode = 15 // COORDINATOR_NOT_AVAILABLE
		return answer, nil, true
	})
	enough := errors.New("enough")
	err := topic.Shared(minute(t), cfg, "band", "frames", func(_ context.Context, s topic.Share) error {
		if len(s.Only) != 1 {
			t.Errorf("its share is %v", s.Only)
		}
		return enough
	})
	if !errors.Is(err, enough) || refused.Load() < 2 {
		t.Errorf("got %v after %d refusals", err, refused.Load())
	}
}
