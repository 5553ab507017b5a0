package topic_test

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/twmb/franz-go/pkg/kfake"
)

// holes is a listener whose connections can become black holes: they stay open, and nothing comes through.
type holes struct {
	net.Listener
	mu   sync.Mutex
	open []*hole
}

type hole struct {
	net.Conn
	black atomic.Bool
}

func (h *holes) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	k := &hole{Conn: c}
	h.mu.Lock()
	h.open = append(h.open, k)
	h.mu.Unlock()
	return k, nil
}

// swallow makes a black hole of every connection there is, and leaves those to come.
func (h *holes) swallow() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.open {
		k.black.Store(true)
	}
	return len(h.open)
}

func (k *hole) Read(p []byte) (int, error) {
	for {
		if n, err := k.Conn.Read(p); err != nil || !k.black.Load() {
			return n, err
		}
	}
}

func (k *hole) Write(p []byte) (int, error) {
	if k.black.Load() {
		return len(p), nil
	}
	return k.Conn.Write(p)
}

// A firewall forgets the connections of a reader: they are open and silent, while the log goes on. The watch gives
// the readers up, tells of it, and what was written comes once and in order.
func TestFaultOfSilentConnectionsIsMendedByOtherReaders(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &holes{Listener: inner}
	_, cfg := cluster(t, kfake.Ports(inner.Addr().(*net.TCPAddr).Port), kfake.ListenFn(func(string, string) (net.Listener, error) { return h, nil }))
	const partitions, each = 3, 20
	ensure(t, cfg, topic.Spec{Name: "frames", Partitions: partitions})
	ctx, w := minute(t), writer(t, cfg, "frames")
	write := func(w *topic.Writer, from int) {
		t.Helper()
		var some []frame.Message
		for camera := range 12 {
			for n := range each {
				some = append(some, frame.Message{Key: fmt.Append(nil, "camera", camera), Value: fmt.Append(nil, from+n)})
			}
		}
		if err := w.Write(ctx, some...); err != nil {
			t.Fatal(err)
		}
	}
	write(w, 0)

	quick := cfg
	quick.Timeout = 500 * time.Millisecond // of the watch's own question, whose connection is a hole, too
	var told atomic.Int64
	r, err := topic.NewReader(ctx, quick, "frames", nil, topic.ReaderOptions{Rebuilt: func(name string, partition int, offset int64, silent time.Duration) {
		if name != "frames" || partition >= partitions || offset < each || silent <= 0 {
			t.Errorf("told of %s, partition %d at %d after %v", name, partition, offset, silent)
		}
		told.Add(1)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := map[string]int{}
	read := func(n int) {
		t.Helper()
		for range n {
			m, err := r.Fetch(ctx)
			for errors.Is(err, topic.ErrUnreachable) { // a busy machine: half a second is little
				m, err = r.Fetch(ctx)
			}
			if err != nil {
				t.Fatalf("after %v: %v", seen, err)
			}
			if want := fmt.Sprint(seen[string(m.Key)]); string(m.Value) != want {
				t.Fatalf("%s: %s came where %s was due", m.Key, m.Value, want)
			}
			seen[string(m.Key)]++
		}
	}
	read(12 * each)
	if n := h.swallow(); n < partitions {
		t.Fatalf("only %d connections", n)
	}
	write(writer(t, cfg, "frames"), each)

	over := inspecting(r, 100*time.Millisecond)
	read(12 * each)
	over()
	if r.Rebuilt() == 0 || r.Rebuilt() != told.Load() || r.Lost() != 0 {
		t.Errorf("%d readers given up, told of %d, %d messages lost", r.Rebuilt(), told.Load(), r.Lost())
	}
}
