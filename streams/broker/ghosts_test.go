package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/broker"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groups is how many times the same is tried: whether kfake forgets a member whose connection ended while it waited
// is a matter of chance, one in two.
const groups = 8

// A member that is killed while it waits to join would hold its partitions for ever: the others get them back.
func TestAMemberThatDiesWhileItJoinsLosesItsShare(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, broker.Config{Dir: t.TempDir()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := kafka.Client{Addr: kafka.TCP(b.Addr()), Transport: transport}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "frames", NumPartitions: 2, ReplicationFactor: 1}}})
	if err != nil || made.Errors["frames"] != nil {
		t.Fatal(err, made)
	}
	ended := make(chan error)
	for i := range groups {
		go func() { ended <- outlive(ctx, b.Addr(), fmt.Sprintf("band%d", i)) }()
	}
	for range groups {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// outlive joins a group, alone, beside a member that dies, and alone again.
func outlive(ctx context.Context, addr, name string) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: name, Brokers: []string{addr}, Topics: []string{"frames"},
		HeartbeatInterval: 2 * time.Second, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second,
	})
	if err != nil {
		return err
	}
	defer group.Close()
	for i, want := range []int{2, 1, 2} {
		g, err := group.Next(ctx)
		if err != nil {
			return fmt.Errorf("group %s, joining for time %d: %w", name, i+1, err)
		}
		if got := len(g.Assignments["frames"]); got != want {
			return fmt.Errorf("group %s: share %d is %d partitions, not %d", name, i+1, got, want)
		}
		if i == 0 {
			if err := dieJoining(ctx, addr, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// dieJoining asks to join and goes before there is an answer.
func dieJoining(ctx context.Context, addr, group string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer c.Close()
	topics := kmsg.NewConsumerMemberMetadata() // version 0
	topics.Topics = []string{"frames"}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", topics.AppendTo(nil)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType = group, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 6000, 6000
	join.Protocols = append(join.Protocols, protocol)
	seed := c.SeedBrokers()[0]
	named, err := seed.Request(ctx, join) // the first answer only gives it a name
	if err != nil {
		return err
	}
	join.MemberID = named.(*kmsg.JoinGroupResponse).MemberID
	brief, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if r, err := seed.Request(brief, join); err == nil {
		return fmt.Errorf("the member that was to die has joined: %+v", r)
	}
	return nil
}
