package topic_test

import (
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/nearfar/nearfar/streams/topic/topictest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is an embedded broker for one test.
func local(t testing.TB) (*broker.Broker, topic.Config) {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, at(b.Addr())
}

func at(addr string) topic.Config {
	return topic.Config{Brokers: []string{addr}, Timeout: 10 * time.Second}
}

func TestConformanceOnTheEmbeddedBroker(t *testing.T) {
	_, cfg := local(t)
	topictest.Run(t, cfg)
}
