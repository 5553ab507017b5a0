package topic_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func number(n int) frame.Message { return frame.Message{Key: []byte("cam"), Value: fmt.Append(nil, n)} }

func reading(t *testing.T, cfg topic.Config, from map[int]int64) *topic.Reader {
	t.Helper()
	r, err := topic.NewReader(minute(t), cfg, "frames", from, topic.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestATopicMadeAnewUnderAReaderIsNoticed(t *testing.T) {
	c, cfg := cluster(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	ctx, w := minute(t), writer(t, cfg, "frames")
	if err := w.Write(ctx, number(0), number(1)); err != nil {
		t.Fatal(err)
	}
	r := reading(t, cfg, nil)
	for range 2 {
		if _, err := r.Fetch(ctx); err != nil {
			t.Fatal(err)
		}
	}
	r.Inspect(0, time.Hour)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := r.Fetch(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("nothing has happened, and Fetch gives %v", err)
	}
	if err := c.DeleteTopic("frames"); err != nil {
		t.Fatal(err)
	}
	ensure(t, cfg, topic.Spec{Name: "frames"})
	r.Inspect(0, time.Hour)
	if _, err := r.Fetch(ctx); !errors.Is(err, topic.ErrRewound) {
		t.Errorf("got %v", err)
	}
}

// A broker that swallows a fetch leaves kafka-go waiting; the watch cuts the connection and it goes on.
func TestAStalledFetchIsCut(t *testing.T) {
	c, cfg := cluster(t)
	cfg.Timeout = 20 * time.Second
	ensure(t, cfg, topic.Spec{Name: "frames"})
	swallowed := make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(swallowed)
		return nil, nil, true
	})
	r := reading(t, cfg, nil)
	ctx := minute(t)
	<-swallowed
	if err := writer(t, cfg, "frames").Write(ctx, number(0)); err != nil {
		t.Fatal(err)
	}
	r.Inspect(0, 0)
	if m, err := r.Fetch(ctx); err != nil || string(m.Value) != "0" {
		t.Errorf("got %q, %v", m.Value, err)
	}
}

// Everything in the log is gone before it was read: the reader waits for what comes next, and then tells.
func TestALogThatWasEmptiedIsAGap(t *testing.T) {
	c, cfg := cluster(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	ctx, w := minute(t), writer(t, cfg, "frames")
	if err := w.Write(ctx, number(0), number(1), number(2)); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteRecords("frames", 0, -1); err != nil {
		t.Fatal(err)
	}
	r := reading(t, cfg, map[int]int64{0: 1})
	if lag, err := r.Lag(ctx); err != nil || lag != 0 {
		t.Errorf("the lag is %d, %v", lag, err)
	}
	if err := w.Write(ctx, number(3)); err != nil {
		t.Fatal(err)
	}
	if m, err := r.Fetch(ctx); err != nil || string(m.Value) != "3" || r.Lost() != 2 || r.Positions()[0] != 4 {
		t.Errorf("got %q, %v, lost %d, positions %v", m.Value, err, r.Lost(), r.Positions())
	}
}

const brokerDir = "NEARFAR_TEST_BROKER_DIR"

// TestBrokerProcess is the process that the next test kills; by itself it does nothing.
func TestBrokerProcess(t *testing.T) {
	dir := os.Getenv(brokerDir)
	if dir == "" {
		t.Skip("not asked for: it is the other process of TestNothingAcknowledgedIsLostWhenTheBrokerIsKilled")
	}
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", b.Addr())
	time.Sleep(time.Minute)
}

func TestNothingAcknowledgedIsLostWhenTheBrokerIsKilled(t *testing.T) {
	dir, ctx := t.TempDir(), minute(t)
	acked := 0
	for kill := range 3 {
		command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestBrokerProcess$")
		command.Env = append(os.Environ(), brokerDir+"="+dir)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		addr := ""
		for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
			addr, _ = strings.CutPrefix(lines.Text(), "listening ")
			if addr == lines.Text() {
				addr = ""
			}
		}
		cfg := at(addr)
		ensure(t, cfg, topic.Spec{Name: "frames"})
		cfg.Timeout = 500 * time.Millisecond // after which the writer believes that the broker is dead
		w := writer(t, cfg, "frames")
		dead := make(chan error, 1)
		for i := 0; ; i++ {
			if i == 40+kill { // in the middle of writing
				go func() { dead <- errors.Join(command.Process.Kill(), ignoreExit(command.Wait())) }()
			}
			if err := w.Write(ctx, number(acked)); err != nil {
				break
			}
			acked++
		}
		if err := <-dead; err != nil {
			t.Fatal(err)
		}
	}
	b, err := broker.Start(broker.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := reading(t, at(b.Addr()), nil)
	for want := 0; want < acked; {
		m, err := r.Fetch(ctx)
		if err != nil {
			t.Fatalf("%d of %d: %v", want, acked, err)
		}
		switch got := string(m.Value); got {
		case fmt.Sprint(want):
			want++
		case fmt.Sprint(want - 1): // written, but not acknowledged before the end
		default:
			t.Fatalf("%s came where %d was due", got, want)
		}
	}
}

// ignoreExit passes over the exit status of a process that was killed.
func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// inspecting lets the watch look all the time, until the returned function is called.
func inspecting(r *topic.Reader, stall time.Duration) (over func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			r.Inspect(0, stall)
			time.Sleep(time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

// A message that is written and read while the broker's answer is under way is no sign of a lost end.
func TestReadingOnWhileTheEndIsAskedForIsNoLoss(t *testing.T) {
	_, cfg := cluster(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	ctx, w := minute(t), writer(t, cfg, "frames")
	r := reading(t, cfg, nil)
	over := inspecting(r, time.Hour)
	for i := range 200 {
		if err := w.Write(ctx, number(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Fetch(ctx); err != nil {
			t.Errorf("message %d: %v", i, err)
			break
		}
	}
	over()
}
