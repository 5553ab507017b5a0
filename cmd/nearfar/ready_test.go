package main

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/broker"
)

func TestReadyzNamesTheBrokerThatIsGone(t *testing.T) {
	address := freeAddress(t)
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = b.Close()
		}
	}()
	ctx, stop := interruptible(t)
	ended := make(chan result, 1)
	go func() {
		ended <- nearfarIn(ctx, t, "ingest", "--brokers", b.Addr(), "--source", "synth:cameras=1,fps=20", "--http", address, "--set", "kafka.timeout=500ms", "--log-level", "error")
	}()
	eventually(t, "readiness", func() bool { code, _ := fetch(t, address, "/readyz"); return code == http.StatusOK })
	closed = true
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "word of the broker that is gone", func() bool {
		code, body := fetch(t, address, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "not ready: kafka: "+b.Addr())
	})
	if code, _ := fetch(t, address, "/healthz"); code != http.StatusOK {
		t.Errorf("it lives, and says %d", code)
	}
	stop()
	<-ended
}

// feedOf is a feed whose cameras have said so much.
func feedOf(t *testing.T, began time.Time, beats ...sources.Beat) *feed {
	t.Helper()
	p := plan{}
	var children []sources.Child
	for _, b := range beats {
		children = append(children, sources.Child{Camera: b.Camera, Command: []string{"true"}})
	}
	sup, err := sources.NewSupervisor(children, sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := p.idle()
	f.sup, f.began, f.done = sup, began, make(chan struct{})
	return f
}

func TestCamerasThatHaveSaidNothingAreDown(t *testing.T) {
	f := feedOf(t, time.Now(), sources.Beat{Camera: "a"}, sources.Beat{Camera: "b"})
	f.Cameras = append(f.Cameras, catalog.Camera{Name: "a"}, catalog.Camera{Name: "b"})
	if err := f.ready().Do(t.Context()); err == nil || err.Error() != "none gives frames: a: no frame yet; b: no frame yet" {
		t.Errorf("%v", err)
	}
	close(f.done)
	if err := f.ready().Do(t.Context()); err != nil {
		t.Errorf("all have ended, and yet: %v", err)
	}
}

func TestCheckpointsThatStopComingAreNoticed(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &saves{now: func() time.Time { return now }, began: now}
	ready := s.ready().Do
	after := func(d time.Duration) { now = now.Add(d) }
	expect := func(what, want string) {
		t.Helper()
		err := ready(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, not %q", what, err, want)
		}
	}
	expect("at the beginning", "")
	after(11 * time.Minute)
	expect("without any", "there is none yet, after 11m0s")
	for range 5 {
		s.add(t.TempDir(), 1)
		after(time.Minute)
	}
	expect("a minute after the last", "")
	after(61 * time.Second)
	expect("two minutes after the last", "the last one is 2m1s old, they used to come every 1m0s")
	s.add(t.TempDir(), 2)
	expect("one has come", "")
	quick := &saves{now: func() time.Time { return now }, began: now.Add(-time.Second)}
	for range 5 {
		quick.add(t.TempDir(), 1)
		after(100 * time.Millisecond)
	}
	after(20 * time.Second)
	if err := quick.ready().Do(t.Context()); err != nil {
		t.Errorf("checkpoints every 100ms may pause for %v: %v", leastSave, err)
	}
}

func TestListenersThatCannotBeAreRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		address string
		code    int
		says    string
	}{
		{"0.0.0.0:9090", exitConfig, `--http: http.listen: "0.0.0.0:9090" can be reached from other machines: set http.token`},
		{"nonsense", exitConfig, `--http: http.listen: "nonsense" is no host:port`},
		{taken.Addr().String(), exitFailure, "choose another port"},
	} {
		for _, args := range [][]string{
			{"ingest", "--source", "synth"}, {"train", "--out", filepath.Join(t.TempDir(), "run")}, {"run", "--source", "synth", "--out", filepath.Join(t.TempDir(), "run")},
			{"embed", "--checkpoint", "x", "--topic", "frames", "--output", filepath.Join(t.TempDir(), "x.npy")},
		} {
			r := nearfar(t, append(args, "--brokers", "127.0.0.1:1", "--http", tc.address)...)
			if r.code != tc.code || !strings.Contains(r.err, tc.says) {
				t.Errorf("%s on %s: code %d, says %s", args[0], tc.address, r.code, r.err)
			}
		}
	}
}
