package topic_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

const maxBytes = 1 << 20

func minute(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ensure(t testing.TB, cfg topic.Config, spec topic.Spec) {
	t.Helper()
	spec.MaxBytes = maxBytes
	if err := topic.Ensure(minute(t), cfg, spec); err != nil {
		t.Fatal(err)
	}
}

func writer(t testing.TB, cfg topic.Config, name string) *topic.Writer {
	t.Helper()
	w, err := topic.NewWriter(cfg, name, topic.WriterOptions{MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Four writers write while the broker is closed and opened again three times under a reader: what was
// acknowledged is read, in order.
func TestNothingAcknowledgedIsLostWhenTheBrokerComesBack(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cfg := at(b.Addr())
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: 3})
	ctx := minute(t)
	r, err := topic.NewReader(ctx, cfg, "frames", nil, topic.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	const writers, each, together = 4, 300, 3
	acked := make(chan string, writers*each)
	var writing sync.WaitGroup
	for i := range writers {
		w := writer(t, cfg, "frames")
		writing.Go(func() {
			for n := 0; n < each; {
				var some []frame.Message
				for range together {
					some = append(some, frame.Message{Key: fmt.Appendf(nil, "cam%d", i), Value: fmt.Appendf(nil, "cam%d/%d", i, n)})
					n++
				}
				for w.Write(ctx, some...) != nil {
					if ctx.Err() != nil {
						t.Errorf("writer %d: gave up", i)
						return
					}
				}
				for _, m := range some {
					acked <- string(m.Value)
				}
			}
		})
	}
	for restart := range 3 {
		for len(acked) < (restart+1)*writers*each/5 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err = broker.Start(broker.Config{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if b.Addr() != cfg.Brokers[0] {
			t.Fatalf("the broker came back at %s, not %s", b.Addr(), cfg.Brokers[0])
		}
	}
	defer func() { b.Close() }()
	writing.Wait()
	close(acked)

	bounds, err := topic.Bounds(ctx, cfg, "frames")
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, p := range bounds {
		total += p.Next - p.First
	}
	seen := map[string]int{}
	highest := map[string]int{}
	for range total {
		m, err := r.Fetch(ctx)
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(seen), total, err)
		}
		var n int
		if _, err := fmt.Sscanf(strings.TrimPrefix(string(m.Value), string(m.Key)), "/%d", &n); err != nil {
			t.Fatal(err)
		}
		if key := string(m.Key); seen[string(m.Value)] == 0 {
			if n != highest[key] {
				t.Fatalf("%s came first where %s/%d was due", m.Value, key, highest[key])
			}
			highest[key]++
		}
		seen[string(m.Value)]++
	}
	count := 0
	for v := range acked {
		count++
		if seen[v] == 0 {
			t.Errorf("%s was acknowledged and is lost", v)
		}
	}
	if count != writers*each {
		t.Errorf("%d acknowledged, want %d", count, writers*each)
	}
	if r.Lost() != 0 {
		t.Errorf("the reader believes it lost %d", r.Lost())
	}
	t.Logf("%d acknowledged, %d in the log (%d twice), %d stale", count, total, total-int64(count), r.Stale())
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// mute is an address that takes connections and never answers.
func mute(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestAnUnreachableBrokerIsNamed(t *testing.T) {
	t.Parallel() // it mostly waits
	for kind, addr := range map[string]string{"closed": closedPort(t), "mute": mute(t)} {
		t.Run(kind, func(t *testing.T) {
			cfg := topic.Config{Brokers: []string{addr}, Timeout: 300 * time.Millisecond}
			ctx := minute(t)
			calls := map[string]func() error{
				"Ensure": func() error { return topic.Ensure(ctx, cfg, topic.Spec{Name: "frames", MaxBytes: 1}) },
				"Bounds": func() error { _, err := topic.Bounds(ctx, cfg, "frames"); return err },
				"Reader": func() error { _, err := topic.NewReader(ctx, cfg, "frames", nil, topic.ReaderOptions{}); return err },
				"Tail":   func() error { _, err := topic.Tail(ctx, cfg, "frames", 1); return err },
				"Write":  func() error { return writer(t, cfg, "frames").Write(ctx, frame.Message{Value: []byte{1}}) },
			}
			for name, call := range calls {
				err := call()
				if !errors.Is(err, topic.ErrUnreachable) || !strings.Contains(err.Error(), addr) {
					t.Errorf("%s gave %v", name, err)
				}
			}
		})
	}
}

// A broker that goes away and stays away ends a Fetch with ErrUnreachable; once it is back the same
// reader goes on.
func TestAReaderTellsOfALostBrokerAndGoesOnWhenItIsBack(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cfg := at(b.Addr())
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: 1})
	ctx := minute(t)
	slow := writer(t, cfg, "frames")
	cfg.Timeout = time.Second
	r, err := topic.NewReader(ctx, cfg, "frames", nil, topic.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b.Close()
	if _, err := r.Fetch(ctx); !errors.Is(err, topic.ErrUnreachable) || !strings.Contains(err.Error(), b.Addr()) {
		t.Errorf("without a broker: %v", err)
	}
	if b, err = broker.Start(broker.Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	if err := slow.Write(ctx, frame.Message{Key: []byte("cam"), Value: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	m, err := r.Fetch(ctx)
	for errors.Is(err, topic.ErrUnreachable) {
		m, err = r.Fetch(ctx)
	}
	if err != nil || string(m.Value) != "back" {
		t.Errorf("after its return: %q, %v", m.Value, err)
	}
}

func TestAClosedWriterSaysSo(t *testing.T) {
	_, cfg := local(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	w := writer(t, cfg, "frames")
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(minute(t), frame.Message{Value: []byte{1}}); !errors.Is(err, topic.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
