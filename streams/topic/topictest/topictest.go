// Package topictest is the conformance suite of streams/topic: the same facts hold on the embedded broker
// and on Apache Kafka.
package topictest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/segmentio/kafka-go"
)

// patience bounds every wait; nothing is expected to take as long.
const patience = 30 * time.Second

const maxBytes = 8 << 20

// Run holds the cluster at cfg to the contract of streams/topic. It makes topics with names of their own
// and leaves them behind.
func Run(t *testing.T, cfg topic.Config) {
	s := suite{cfg, strconv.FormatInt(time.Now().UnixNano(), 36)}
	if err := topic.Ensure(s.context(t), cfg, spec("nearfar-test-"+s.run, 1)); err != nil {
		t.Fatal(err) // once, and not for every fact
	}
	t.Run("WhatIsWrittenIsReadBack", s.roundTrip)
	t.Run("AKeyKeepsItsPartitionAndOrder", s.keys)
	t.Run("LargeMessagesPassAndTooLargeOnesAreRefused", s.sizes)
	t.Run("EnsureTwiceIsOnceAndDisagreementIsTold", s.ensureTwice)
	t.Run("RetentionHoldsForCompactedTopicsToo", s.retention)
	t.Run("ReadingAgainGivesTheSameOrderFromAnyPosition", s.replay)
	t.Run("AnOrderThatIsAskedForIsKept", s.order)
	t.Run("BoundsLagAndTailAgree", s.bounds)
	t.Run("DeadLettersKeepTheOriginal", s.dead)
	t.Run("OneTrainerOfARunAtATime", s.tenure)
	t.Run("AMissingTopicIsNamed", s.missing)
	t.Run("APositionBehindTheEndIsRefused", s.rewound)
	t.Run("WhatOtherClientsWriteIsRead", s.foreign)
	t.Run("RetentionOverrunIsCountedExactly", s.overrun)
	t.Run("ATopicDeletedAndMadeAgainIsNoticed", s.anew)
	t.Run("AGroupSharesThePartitions", s.group)
	t.Run("CancelAndCloseEndAFetch", s.cancel)
}

type suite struct {
	cfg topic.Config
	run string
}

func (s suite) context(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// topic makes a topic for one test.
func (s suite) topic(t *testing.T, partitions int) string {
	t.Helper()
	name := "nearfar-test-" + s.run + "-" + strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	if err := topic.Ensure(s.context(t), s.cfg, spec(name, partitions)); err != nil {
		t.Fatal(err)
	}
	return name
}

func spec(name string, partitions int) topic.Spec {
	return topic.Spec{Name: name, Partitions: partitions, MaxBytes: maxBytes, Retention: time.Hour, RetentionBytes: 256 << 20}
}

func (s suite) writer(t *testing.T, name string) *topic.Writer {
	t.Helper()
	w, err := topic.NewWriter(s.cfg, name, topic.WriterOptions{MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func (s suite) reader(t *testing.T, name string, from map[int]int64) *topic.Reader {
	t.Helper()
	r, err := topic.NewReader(s.context(t), s.cfg, name, from, topic.ReaderOptions{Gap: func(topic string, partition int, expected, got int64) {
		t.Errorf("a hole in %s/%d: %d expected, %d came", topic, partition, expected, got)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func fetch(t *testing.T, ctx context.Context, r *topic.Reader, n int) []frame.Message {
	t.Helper()
	all := make([]frame.Message, 0, n)
	for range n {
		m, err := r.Fetch(ctx)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(all), n, err)
		}
		all = append(all, m)
	}
	return all
}

func numbered(key string, from, n int) []frame.Message {
	all := make([]frame.Message, n)
	for i := range all {
		all[i] = frame.Message{Key: []byte(key), Value: []byte(key + "/" + strconv.Itoa(from+i))}
	}
	return all
}

func (s suite) roundTrip(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 1)
	began := time.Now().Add(-time.Minute)
	sent := frame.Message{
		Key: []byte("rig"), Value: []byte{0, 1, 0xff}, Time: time.Unix(0, 0),
		Headers: []frame.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "empty", Value: nil}},
	}
	if err := s.writer(t, name).Write(ctx, sent); err != nil {
		t.Fatal(err)
	}
	got := fetch(t, ctx, s.reader(t, name, nil), 1)[0]
	if !bytes.Equal(got.Key, sent.Key) || !bytes.Equal(got.Value, sent.Value) || len(got.Headers) != 3 {
		t.Errorf("got %q %x %v", got.Key, got.Value, got.Headers)
	}
	for i, h := range got.Headers {
		if h.Key != sent.Headers[i].Key || !bytes.Equal(h.Value, sent.Headers[i].Value) {
			t.Errorf("header %d is %q=%q", i, h.Key, h.Value)
		}
	}
	if want := (frame.Ref{Topic: name}); got.Ref != want {
		t.Errorf("it lies at %v, want %v", got.Ref, want)
	}
	if got.Time.Before(began) {
		t.Errorf("the log says it was written at %v: that is its own time, retention would delete it", got.Time)
	}
}

func (s suite) keys(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 3)
	w := s.writer(t, name)
	const keys, each = 7, 150
	for i := range keys {
		if err := w.Write(ctx, numbered("rig"+strconv.Itoa(i), 0, each)...); err != nil {
			t.Fatal(err)
		}
	}
	home, next := map[string]int{}, map[string]int{}
	for _, m := range fetch(t, ctx, s.reader(t, name, nil), keys*each) {
		key := string(m.Key)
		if p, ok := home[key]; ok && p != m.Ref.Partition {
			t.Fatalf("%s lies in partitions %d and %d", key, p, m.Ref.Partition)
		}
		home[key] = m.Ref.Partition
		if want := fmt.Sprintf("%s/%d", key, next[key]); string(m.Value) != want {
			t.Fatalf("%s came where %s was due", m.Value, want)
		}
		next[key]++
	}
}

func (s suite) sizes(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 1)
	w := s.writer(t, name)
	full := frame.Message{Key: []byte("rig"), Value: bytes.Repeat([]byte{7}, maxBytes-3)}
	over := frame.Message{Key: []byte("rig"), Value: bytes.Repeat([]byte{7}, maxBytes-2)}
	if err := w.Write(ctx, full, over); !errors.Is(err, topic.ErrTooLarge) || !strings.Contains(err.Error(), strconv.Itoa(maxBytes)) {
		t.Errorf("a message above the limit gave %v", err)
	}
	if err := w.Write(ctx, full, full); err != nil {
		t.Fatal(err)
	}
	got := fetch(t, ctx, s.reader(t, name, nil), 2)
	for i, m := range got {
		if m.Ref.Offset != int64(i) || !bytes.Equal(m.Value, full.Value) {
			t.Errorf("message %d came back from %v with %d bytes", i, m.Ref, len(m.Value))
		}
	}
}

func (s suite) ensureTwice(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 2)
	if err := topic.Ensure(ctx, s.cfg, spec(name, 2), spec(name, 0)); err != nil {
		t.Errorf("the same topic again: %v", err)
	}
	if err := topic.Ensure(ctx, s.cfg, spec(name, 5)); err == nil || !strings.Contains(err.Error(), "2 partitions, not 5") {
		t.Errorf("another number of partitions: %v", err)
	}
	large := spec(name, 2)
	large.MaxBytes *= 2
	if err := topic.Ensure(ctx, s.cfg, large); err == nil || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("larger messages: %v", err)
	}
}

func (s suite) retention(t *testing.T) {
	ctx, prefix := s.context(t), "nearfar-test-"+s.run+"-kept-"
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(s.cfg.Brokers...), Transport: transport}
	for _, c := range []struct {
		name string
		spec topic.Spec
		want map[string]string
	}{
		{"frames", topic.Spec{Retention: time.Hour, RetentionBytes: 1 << 30}, map[string]string{"cleanup.policy": "delete", "retention.ms": "3600000", "retention.bytes": "1073741824"}},
		{"newest", topic.Spec{Compact: true}, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "retention.bytes": "-1"}},
		{"newest-hour", topic.Spec{Compact: true, Retention: time.Hour}, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "3600000", "retention.bytes": "-1"}},
		{"newest-little", topic.Spec{Compact: true, RetentionBytes: 1000}, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "-1", "retention.bytes": "1000"}},
	} {
		c.spec.Name, c.spec.MaxBytes = prefix+c.name, 1000
		if err := topic.Ensure(ctx, s.cfg, c.spec); err != nil {
			t.Errorf("%+v: %v", c.spec, err)
			continue
		}
		answer, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: c.spec.Name},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, e := range answer.Resources[0].ConfigEntries {
			got[e.ConfigName] = e.ConfigValue
		}
		for setting, want := range c.want {
			if got[setting] != want {
				t.Errorf("%s has %s=%q, want %q", c.name, setting, got[setting], want)
			}
		}
	}
}

func (s suite) replay(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 4)
	w := s.writer(t, name)
	const n = 400
	for i := range n {
		if i%10 == 0 { // ten at a time, over all partitions
			var some []frame.Message
			for j := range 10 {
				some = append(some, numbered("rig"+strconv.Itoa((i+j)*7%13), i+j, 1)...)
			}
			if err := w.Write(ctx, some...); err != nil {
				t.Fatal(err)
			}
		}
	}
	refs := func(ms []frame.Message) []frame.Ref {
		out := make([]frame.Ref, len(ms))
		for i, m := range ms {
			out[i] = m.Ref
		}
		return out
	}
	once := refs(fetch(t, ctx, s.reader(t, name, nil), n))
	half := s.reader(t, name, nil)
	first := refs(fetch(t, ctx, half, n/2))
	rest := refs(fetch(t, ctx, s.reader(t, name, half.Positions()), n/2))
	for i, ref := range append(first, rest...) {
		if ref != once[i] {
			t.Fatalf("message %d is %v at one reading, %v at another", i, once[i], ref)
		}
	}
}

func (s suite) bounds(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 2)
	if tail, err := topic.Tail(ctx, s.cfg, name, 3); err != nil || len(tail) != 0 {
		t.Errorf("the tail of nothing: %v, %v", tail, err)
	}
	w := s.writer(t, name)
	for _, key := range []string{"a", "b", "c", "d"} {
		if err := w.Write(ctx, numbered(key, 0, 5)...); err != nil {
			t.Fatal(err)
		}
	}
	bounds, err := topic.Bounds(ctx, s.cfg, name)
	if err != nil || len(bounds) != 2 || bounds[0].Next+bounds[1].Next != 20 || bounds[0].First != 0 {
		t.Fatalf("bounds %v, %v", bounds, err)
	}
	r := s.reader(t, name, nil)
	fetch(t, ctx, r, 8)
	if lag, err := r.Lag(ctx); err != nil || lag != 12 {
		t.Errorf("after 8 of 20 the lag is %d, %v", lag, err)
	}
	tail, err := topic.Tail(ctx, s.cfg, name, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for id, b := range bounds {
		for o := max(0, b.Next-3); o < b.Next; o++ {
			want++
			found := false
			for _, m := range tail {
				found = found || m.Ref == frame.Ref{Topic: name, Partition: id, Offset: o}
			}
			if !found {
				t.Errorf("the tail lacks %d@%d", id, o)
			}
		}
	}
	if len(tail) != want {
		t.Errorf("the tail has %d messages, want %d", len(tail), want)
	}
}

func (s suite) dead(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 1)
	dlq := spec(name, 1).DeadLetters()
	if err := topic.Ensure(ctx, s.cfg, dlq); err != nil {
		t.Fatal(err)
	}
	d, err := topic.NewDeadLetters(s.cfg, dlq.Name, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m := frame.Message{
		Key: []byte("rig"), Value: bytes.Repeat([]byte{9}, maxBytes-10), Headers: []frame.Header{{Key: "ce_source", Value: []byte("cam2")}},
		Ref: frame.Ref{Topic: name, Partition: 3, Offset: 71},
	}
	if err := d.Send(ctx, m, "decode", "truncated", errors.New(strings.Repeat("long ", 10000))); err != nil {
		t.Fatal(err)
	}
	got := fetch(t, ctx, s.reader(t, dlq.Name, nil), 1)[0]
	if !bytes.Equal(got.Value, m.Value) || !bytes.Equal(got.Key, m.Key) {
		t.Errorf("the original did not survive")
	}
	for key, want := range map[string]string{
		"ce_source": "cam2", "dlq.stage": "decode", "dlq.reason": "truncated", "dlq.topic": name, "dlq.partition": "3", "dlq.offset": "71",
	} {
		if v, _ := got.Header(key); v != want {
			t.Errorf("header %s is %q, want %q", key, v, want)
		}
	}
	if v, ok := got.Header("dlq.error"); !ok || !strings.HasPrefix(v, "long long") {
		t.Errorf("header dlq.error is %.20q", v)
	}
}

func (s suite) missing(t *testing.T) {
	ctx := s.context(t)
	cfg := s.cfg
	cfg.Timeout = time.Second // the brokers are asked again for that long
	name := "nearfar-test-" + s.run + "-never-made"
	if _, err := topic.NewReader(ctx, cfg, name, nil, topic.ReaderOptions{}); !errors.Is(err, topic.ErrNoTopic) || !strings.Contains(err.Error(), name) {
		t.Errorf("reading gave %v", err)
	}
}

func (s suite) rewound(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 1)
	for _, from := range []map[int]int64{{0: 1}, {7: 0}} {
		if _, err := topic.NewReader(ctx, s.cfg, name, from, topic.ReaderOptions{}); !errors.Is(err, topic.ErrRewound) {
			t.Errorf("from %v gave %v", from, err)
		}
	}
}

func (s suite) cancel(t *testing.T) {
	name := s.topic(t, 2)
	r := s.reader(t, name, nil)
	ctx, cancel := context.WithCancel(s.context(t))
	ended := make(chan error, 1)
	fetch := func(ctx context.Context) {
		_, err := r.Fetch(ctx)
		ended <- err
	}
	go fetch(ctx)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Fetch gave %v", err)
	}
	go fetch(s.context(t))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, topic.ErrClosed) {
		t.Errorf("a Fetch of a closed reader gave %v", err)
	}
}
