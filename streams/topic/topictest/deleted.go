package topictest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/segmentio/kafka-go"
)

// overrun: retention deletes what two readers have not read yet, one that begins behind and one that stands still
// meanwhile. Each counts exactly what it lost.
func (s suite) overrun(t *testing.T) {
	const size, n, from = 256 << 10, 40, 3
	ctx, name := s.context(t), "nearfar-test-"+s.run+"-overrun"
	if err := topic.Ensure(ctx, s.cfg, topic.Spec{Name: name, Partitions: 1, MaxBytes: size + 100, RetentionBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	slow, told := s.counting(t, name, topic.ReaderOptions{}, nil)
	w, err := topic.NewWriter(s.cfg, name, topic.WriterOptions{MaxBytes: size + 100})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	write := func() {
		t.Helper()
		if err := w.Write(ctx, frame.Message{Key: []byte("cam"), Value: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	fetch(t, ctx, slow, 1)
	for range n - 1 {
		write()
	}
	first := int64(0)
	for since := time.Now(); first <= from; time.Sleep(100 * time.Millisecond) {
		if time.Since(since) > patience/2 { // Kafka's default is to look every five minutes
			t.Skip("SKIPPED: these brokers apply retention too seldom (log.retention.check.interval.ms)")
		}
		bounds, err := topic.Bounds(ctx, s.cfg, name)
		if err != nil {
			t.Fatal(err)
		}
		first = bounds[0].First
	}
	gone := []frame.Ref{{Partition: 0, Offset: from}, {Partition: 0, Offset: first - 1}} // an order is no reason to wait for them
	behind, toldBehind := s.counting(t, name, topic.ReaderOptions{Order: gone}, map[int]int64{0: from})
	for _, c := range []struct {
		r    *topic.Reader
		from int64
		told *int64
	}{{behind, from, toldBehind}, {slow, 1, told}} {
		read := int64(0)
		for c.r.Positions()[0] < n {
			fetch(t, ctx, c.r, 1)
			read++
		}
		if lost := n - c.from - read; c.r.Lost() != lost || *c.told != lost || c.r == behind && lost == 0 {
			t.Errorf("from %d on %d of %d came: %d are lost; the reader counts %d, and told of %d", c.from, read, n-c.from, lost, c.r.Lost(), *c.told)
		}
	}
}

// counting is a reader that adds up the holes it is told of.
func (s suite) counting(t *testing.T, name string, o topic.ReaderOptions, from map[int]int64) (*topic.Reader, *int64) {
	t.Helper()
	var told int64
	o.Gap = func(_ string, _ int, expected, got int64) { told += got - expected }
	r, err := topic.NewReader(s.context(t), s.cfg, name, from, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, &told
}

// anew: a topic is deleted and made again. Its old positions are refused; a writer and a reader from the beginning
// go on with the new one. While it is away, its name is told.
func (s suite) anew(t *testing.T) {
	ctx, name := s.context(t), s.topic(t, 2)
	w := s.writer(t, name)
	if err := w.Write(ctx, append(numbered("a", 0, 5), numbered("b", 0, 5)...)...); err != nil {
		t.Fatal(err)
	}
	old := s.reader(t, name, nil)
	fetch(t, ctx, old, 10)
	s.remove(t, ctx, name)
	brief := s.cfg
	brief.Timeout = time.Second
	if _, err := topic.Bounds(ctx, brief, name); !errors.Is(err, topic.ErrNoTopic) {
		t.Errorf("while it is away: %v", err)
	}
	if err := topic.Ensure(ctx, s.cfg, spec(name, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := topic.NewReader(ctx, s.cfg, name, old.Positions(), topic.ReaderOptions{}); !errors.Is(err, topic.ErrRewound) {
		t.Errorf("its old positions gave %v", err)
	}
	if err := w.Write(ctx, numbered("a", 100, 3)...); err != nil {
		t.Fatalf("the writer of the old one: %v", err)
	}
	for i, m := range fetch(t, ctx, s.reader(t, name, nil), 3) {
		if want := fmt.Sprint("a/", 100+i); string(m.Value) != want || m.Ref.Offset != int64(i) {
			t.Errorf("%s at %v, want %s", m.Value, m.Ref, want)
		}
	}
}

// remove deletes a topic and waits until it is gone.
func (s suite) remove(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(s.cfg.Brokers...), Transport: transport}
	answer, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{name}})
	if err == nil {
		err = answer.Errors[name]
	}
	if err != nil {
		t.Fatalf("deleting %s: %v", name, err)
	}
}
