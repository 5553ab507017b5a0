package topictest

import (
	"errors"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
)

// tenure: a second trainer is refused while the first is at work, and welcome when it has left.
func (s suite) tenure(t *testing.T) {
	frames := s.topic(t, 1)
	tenants := topic.Tenants(frames, 1)
	if err := topic.Ensure(s.context(t), s.cfg, tenants); err != nil {
		t.Fatal(err)
	}
	who := func(owner string, lease time.Duration) topic.Claimant {
		return topic.Claimant{Group: "yard", Owner: owner, Host: "host-of-" + owner, Lease: lease}
	}
	first, err := topic.Claim(s.context(t), s.cfg, tenants.Name, who("a", 2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := topic.Claim(s.context(t), s.cfg, tenants.Name, who("b", patience)); !errors.Is(err, topic.ErrClaimed) {
		t.Errorf("the second one is told %v", err)
	}
	if err := errors.Join(first.Check(s.context(t)), first.Close()); err != nil {
		t.Error(err)
	}
	second, err := topic.Claim(s.context(t), s.cfg, tenants.Name, who("b", patience))
	if err != nil || second.Epoch() != 2 {
		t.Fatalf("when the first has left: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}
