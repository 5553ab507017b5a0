package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/streams/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a file with a spool before it.
type place struct{ path string }

func (p place) Open(t *testing.T) sinks.Sink {
	f, err := files.Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(f, p.path+".spool", Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p place) Contents(t *testing.T) (all []frame.Embedding) {
	for e, err := range files.Read(p.path) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, sinkstest.Features{Upserts: true}, func(t *testing.T) sinkstest.Place {
		return place{filepath.Join(t.TempDir(), "x.jsonl")}
	})
}

var errAway = errors.New("nobody answers")

// door is a sink that can be away, or deaf: then it answers only once its caller has lost patience.
type door struct {
	mu         sync.Mutex
	away, deaf bool
	after      int // batches it still takes before it goes away; negative: all
	came       []frame.Embedding
	asked      int
}

func (d *door) Write(ctx context.Context, batch []frame.Embedding) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.deaf {
		d.mu.Unlock()
		<-ctx.Done()
		d.mu.Lock()
		return ctx.Err()
	}
	if d.after == 0 {
		d.away = true
	}
	if d.after >= 0 {
		d.after--
	}
	if d.away {
		return errAway
	}
	d.came = append(d.came, batch...)
	return nil
}

func (d *door) Close() error { return nil }

func (d *door) set(f func(*door)) { d.mu.Lock(); defer d.mu.Unlock(); f(d) }

func (d *door) has() []frame.Embedding {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]frame.Embedding(nil), d.came...)
}

func before(t *testing.T, d *door, dir string, max int64) *Spool {
	t.Helper()
	s, err := Open(d, dir, Options{MaxBytes: max, Patience: 20 * time.Millisecond, Retry: time.Millisecond, Settle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func settled(t *testing.T, s *Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestFaultWhatComesWhileASinkIsAwayArrivesInOrderWhenItIsBack(t *testing.T) {
	for name, leave := range map[string]func(*door){"away": func(d *door) { d.away = true }, "deaf": func(d *door) { d.deaf = true }} {
		t.Run(name, func(t *testing.T) {
			d, dir := &door{after: -1}, filepath.Join(t.TempDir(), "spool")
			s := before(t, d, dir, 1<<20)
			all := sinkstest.Make(0, 600, 16)
			write := func(from, to int) {
				for i := from; i < to; i += 6 {
					if err := s.Write(t.Context(), all[i:i+6]); err != nil {
						t.Fatal(err)
					}
				}
			}
			write(0, 120)
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a sink that takes everything needs no folder: %v", err)
			}
			d.set(leave)
			write(120, 420)
			if got := d.has(); !sinkstest.Same(got, all[:120]) || s.Bytes() == 0 {
				t.Fatalf("%d arrived, %d bytes wait", len(got), s.Bytes())
			}
			d.set(func(d *door) { d.away, d.deaf = false, false })
			write(420, 600)
			settled(t, s)
			if got := d.has(); !sinkstest.Same(got, all) || s.Bytes() != 0 {
				t.Errorf("%d arrived of %d, in another order or more than once; %d bytes wait", len(got), len(all), s.Bytes())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("%d files are left, %v", len(left), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFaultASpoolIsBoundedAndSaysWhyTheSinkIsAway(t *testing.T) {
	const room = 64 << 10
	d, dir := &door{after: -1, away: true}, t.TempDir()
	s := before(t, d, dir, room)
	all := sinkstest.Make(0, 2000, 16)
	taken := 0
	var err error
	for ; taken < len(all) && err == nil; taken += 10 {
		err = s.Write(t.Context(), all[taken:taken+10])
	}
	taken -= 10
	if !errors.Is(err, ErrFull) || !errors.Is(err, errAway) {
		t.Fatalf("after %d embeddings: %v", taken, err)
	}
	if n := s.Bytes(); n < room || n > room+room/8 {
		t.Errorf("%d bytes wait, the limit is %d", n, room)
	}
	d.set(func(d *door) { d.away = false })
	settled(t, s)
	if err := s.Write(t.Context(), all[taken:taken+10]); err != nil {
		t.Fatal(err)
	}
	if got := d.has(); !sinkstest.Same(got, all[:taken+10]) {
		t.Errorf("%d arrived, %d were taken", len(got), taken+10)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultASinkThatComesAndGoesGetsEverything(t *testing.T) {
	d := &door{after: 3}
	s := before(t, d, t.TempDir(), 1<<20)
	all := sinkstest.Make(0, 500, 8)
	for i := range all {
		if i%50 == 49 {
			d.set(func(d *door) { d.away, d.after = false, 3 })
		}
		if err := s.Write(t.Context(), all[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	d.set(func(d *door) { d.away, d.after = false, -1 })
	settled(t, s)
	if got := d.has(); !sinkstest.Same(got, all) {
		t.Errorf("%d arrived of %d, in another order or more than once", len(got), len(all))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

const spoolDir = "NEARFAR_TEST_SPOOL_DIR"

// TestSpoolProcess is the process that the next test lets die; by itself it does nothing.
func TestSpoolProcess(t *testing.T) {
	dir := os.Getenv(spoolDir)
	if dir == "" {
		t.Skip("not asked for: it is the other process of TestFaultWhatWaitsSurvivesAKill")
	}
	s := before(t, &door{away: true}, dir, 1<<20)
	for i := range 300 {
		if err := s.Write(t.Context(), sinkstest.Make(i, 1, 16)); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("written")
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	t.Fatal(err)
}

func TestFaultWhatWaitsSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSpoolProcess$")
	cmd.Env = append(os.Environ(), spoolDir+"="+dir)
	if out, err := cmd.CombinedOutput(); err == nil || string(out) != "written\n" {
		t.Fatalf("%v, says %s", err, out)
	}
	d := &door{after: 1} // it goes away once more in the middle
	s := before(t, d, dir, 1<<20)
	for s.Bytes() > 0 {
		d.set(func(d *door) { d.away, d.after = false, 1 })
		time.Sleep(time.Millisecond)
	}
	if got := d.has(); !sinkstest.Same(got, sinkstest.Make(0, 300, 16)) {
		t.Errorf("%d arrived of 300, in another order or more than once", len(got))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAForeignFileInTheFolderIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&door{}, dir, Options{MaxBytes: 1}); err == nil {
		t.Error("it was taken for a file of the spool")
	}
	if _, err := Open(&door{}, t.TempDir(), Options{}); err == nil {
		t.Error("a spool without room was opened")
	}
}
