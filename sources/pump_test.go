package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/streams/frame"
)

// counter is a source of n numbered frames.
type counter struct {
	n, size int
	live    bool
	err     error
	each    func(i uint64) // called before each frame
}

func (c *counter) Live() bool { return c.live }

func (c *counter) Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	for i := from; i < uint64(c.n); i++ {
		if c.each != nil {
			c.each(i)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(frame.Encoded{Meta: frame.Meta{Camera: "c", Seq: i}, Data: make([]byte, c.size)}); err != nil {
			return err
		}
	}
	return c.err
}

// log remembers what Kafka acknowledged.
type log struct {
	mu   sync.Mutex
	seqs []uint64
}

func (l *log) write(_ context.Context, batch []frame.Encoded) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range batch {
		l.seqs = append(l.seqs, e.Seq)
	}
	return nil
}

// last is the latest beat.
type last struct {
	mu sync.Mutex
	b  Beat
	n  int
}

func (l *last) set(b Beat) { l.mu.Lock(); l.b = b; l.n++; l.mu.Unlock() }
func (l *last) count() int { l.mu.Lock(); defer l.mu.Unlock(); return l.n }
func (l *last) get() Beat  { l.mu.Lock(); defer l.mu.Unlock(); return l.b }

// balanced demands that every captured frame is accounted for.
func balanced(t interface{ Errorf(string, ...any) }, b Beat) {
	if b.Captured != b.Acked+b.Lost() {
		t.Errorf("captured %d, acked %d, dropped %v", b.Captured, b.Acked, b.Dropped)
	}
}

func TestFileFramesArriveOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, from := rapid.IntRange(0, 200).Draw(t, "frames"), rapid.IntRange(0, 50).Draw(t, "from")
		opt := PumpOptions{Camera: "c", Queue: rapid.IntRange(1, 9).Draw(t, "queue"), QueueBytes: rapid.IntRange(1, 300).Draw(t, "bytes"), Batch: rapid.IntRange(1, 9).Draw(t, "batch")}
		var l log
		var b last
		opt.Beat = b.set
		if err := Pump(context.Background(), &counter{n: n, size: 50}, uint64(from), l.write, opt); err != nil {
			t.Fatal(err)
		}
		if len(l.seqs) != max(0, n-from) {
			t.Fatalf("%d frames of %d from %d", len(l.seqs), n, from)
		}
		for i, s := range l.seqs {
			if s != uint64(from+i) {
				t.Fatalf("frame %d came as number %d", s, i)
			}
		}
		end := b.get()
		balanced(t, end)
		if !end.Ended || end.From != uint64(from) || end.Acked != uint64(len(l.seqs)) {
			t.Fatalf("last beat %+v", end)
		}
	})
}

func TestLiveCameraDropsItsOldestWhenKafkaIsSlow(t *testing.T) {
	var l log
	var b last
	written, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	write := func(ctx context.Context, batch []frame.Encoded) error {
		once.Do(func() { close(written); <-release })
		return l.write(ctx, batch)
	}
	src := &counter{n: 100, live: true, each: func(i uint64) {
		if i == 1 {
			<-written // frame 0 is on its way to a Kafka that hangs
		}
	}}
	done := make(chan error, 1)
	go func() {
		done <- Pump(context.Background(), src, 0, write, PumpOptions{Camera: "c", Queue: 10, Batch: 1, Every: time.Millisecond, Beat: b.set})
	}()
	waitFor(t, func() bool { return b.get().Captured == 100 })
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(l.seqs); got != "[0 90 91 92 93 94 95 96 97 98 99]" {
		t.Errorf("Kafka has %s", got)
	}
	end := b.get()
	balanced(t, end)
	if end.Dropped[DroppedSlow] != 89 {
		t.Errorf("dropped %v", end.Dropped)
	}
}

// waitFor waits until ok, and fails after a generous while.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass within 60 s")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestRefusedFrameCostsOnlyItself(t *testing.T) {
	for _, live := range []bool{true, false} {
		var l log
		var b last
		write := func(ctx context.Context, batch []frame.Encoded) error {
			for _, e := range batch {
				if e.Seq == 5 || e.Seq == 11 {
					return fmt.Errorf("frame %d: %w", e.Seq, ErrRefused)
				}
			}
			return l.write(ctx, batch)
		}
		if err := Pump(context.Background(), &counter{n: 20, live: live}, 0, write, PumpOptions{Camera: "c", Batch: 8, Beat: b.set}); err != nil {
			t.Fatal(err)
		}
		end := b.get()
		balanced(t, end)
		if len(l.seqs) != 18 || end.Dropped[DroppedRefused] != 2 || !end.Ended {
			t.Errorf("live %v: %d frames, %+v", live, len(l.seqs), end)
		}
	}
}

func TestLiveCameraOutlivesABrokenKafka(t *testing.T) {
	var l log
	var b last
	fails := 3
	write := func(ctx context.Context, batch []frame.Encoded) error {
		if fails--; fails >= 0 {
			return errors.New("connection refused")
		}
		return l.write(ctx, batch)
	}
	if err := Pump(context.Background(), &counter{n: 20, live: true}, 0, write, PumpOptions{Camera: "c", Beat: b.set}); err != nil {
		t.Fatal(err)
	}
	if len(l.seqs) != 20 || b.get().Err != "" {
		t.Errorf("%d frames, %+v", len(l.seqs), b.get())
	}
}

func TestFileStopsWhenKafkaFails(t *testing.T) {
	broken := errors.New("writing to rtsp://u:pw@h: connection refused")
	var b last
	err := Pump(context.Background(), &counter{n: 1000}, 0, func(context.Context, []frame.Encoded) error { return broken }, PumpOptions{Camera: "c", Queue: 4, Beat: b.set})
	if !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	end := b.get()
	balanced(t, end)
	if end.Ended || end.Acked != 0 || !strings.Contains(end.Err, "connection refused") || strings.Contains(end.Err, "pw") {
		t.Errorf("%+v", end)
	}
}

func TestSourceErrorReachesTheCallerAfterItsFrames(t *testing.T) {
	var l log
	var b last
	err := Pump(context.Background(), &counter{n: 7, err: Unusable(errors.New("no video"))}, 0, l.write, PumpOptions{Camera: "c", Beat: b.set})
	if !errors.Is(err, ErrUnusable) || err.Error() != "no video" || len(l.seqs) != 7 {
		t.Errorf("%v after %d frames", err, len(l.seqs))
	}
	if end := b.get(); !end.Fatal || end.Ended || end.Err != "no video" {
		t.Errorf("%+v", end)
	}
}

func TestStoppingDrainsTheQueue(t *testing.T) {
	for _, live := range []bool{true, false} {
		var l log
		var b last
		ctx, cancel := context.WithCancel(context.Background())
		src := &counter{n: 1 << 40, live: live, each: func(i uint64) {
			if i == 50 {
				cancel()
			}
		}}
		if err := Pump(ctx, src, 0, l.write, PumpOptions{Camera: "c", Beat: b.set}); err != nil {
			t.Fatal(err)
		}
		end := b.get()
		balanced(t, end)
		if end.Captured != 50 || end.Acked != 50 || end.Ended {
			t.Errorf("live %v: %+v", live, end)
		}
		cancel()
	}
}

func TestStoppingDoesNotWaitForADeadKafka(t *testing.T) {
	var b last
	ctx, cancel := context.WithCancel(context.Background())
	hang := func(ctx context.Context, _ []frame.Encoded) error { cancel(); <-ctx.Done(); return ctx.Err() }
	if err := Pump(ctx, &counter{n: 1000}, 0, hang, PumpOptions{Camera: "c", Queue: 5, Drain: time.Millisecond, Beat: b.set}); err != nil {
		t.Fatal(err)
	}
	end := b.get()
	balanced(t, end)
	if end.Dropped[DroppedStopped] == 0 || end.Acked != 0 {
		t.Errorf("%+v", end)
	}
}

func TestPauseHoldsAFileAndDropsALiveCamera(t *testing.T) {
	for _, live := range []bool{true, false} {
		inR, inW := io.Pipe()
		outR, outW := io.Pipe()
		var b last
		var readers sync.WaitGroup
		readers.Go(func() {
			w := &ward{report: b.set, opt: Options{}.withDefaults(), Child: Child{Camera: "c", Live: live}}
			beats := make(chan Beat)
			readers.Go(func() { defer close(beats); w.readBeats(outR, beats) })
			for beat := range beats {
				w.take(beat)
			}
		})
		var l log
		proceed := make(chan struct{})
		src := &counter{n: 100, live: live, each: func(i uint64) {
			if i == 10 {
				<-proceed
			}
		}}
		done := make(chan error, 1)
		go func() {
			done <- Serve(context.Background(), inR, outW, src, 0, l.write, PumpOptions{Camera: "c", Every: time.Millisecond})
		}()
		say := func(s string) {
			if _, err := io.WriteString(inW, s+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		say("pause")
		waitFor(t, func() bool { return b.get().Paused })
		close(proceed)
		if live {
			waitFor(t, func() bool { return b.get().Dropped[DroppedPaused] >= 90 })
		} else {
			seen := b.count()
			waitFor(t, func() bool { return b.count() > seen+5 })
			if got := b.get().Captured; got > 10 {
				t.Errorf("%d frames of a paused file, of which 10 came before the pause", got)
			}
		}
		say("resume")
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		outW.Close()
		readers.Wait()
		inW.Close()
		end := b.get()
		balanced(t, end)
		// How many of the first ten frames came before the pause is up to the scheduler.
		if want := uint64(100); (!live && end.Acked != want) || (live && end.Dropped[DroppedPaused] < 90) || !end.Ended {
			t.Errorf("live %v: %+v", live, end)
		}
	}
}

func TestEndOfStdinStopsTheCapture(t *testing.T) {
	inR, inW := io.Pipe()
	go func() {
		time.Sleep(time.Millisecond)
		inW.Close()
	}()
	var l log
	if err := Serve(context.Background(), inR, io.Discard, &counter{n: 1 << 40, live: true}, 0, l.write, PumpOptions{Camera: "c"}); err != nil {
		t.Error(err)
	}
}
