package main

import (
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/proxytest"
	"github.com/nearfar/nearfar/internal/rtsptest"
)

// TestFaultCamerasApart: what happens to one camera costs another no frame. The frames of the good one are counted
// where they are made, where they are captured and where they lie in Kafka.
func TestFaultCamerasApart(t *testing.T) {
	rounds := 1
	if full() {
		rounds = 3
	}
	brokers := startBroker(t)
	good, bad := freeAddress(t), freeAddress(t)
	steady := rtsptest.Start(t, good, rtsptest.Options{User: "me", Password: "secret"})
	rtsptest.Start(t, bad, rtsptest.Options{User: "me", Password: "secret"})
	proxy := proxytest.Start(t, bad)
	cmd, out := program(t, "ingest", "--brokers", brokers, "--json",
		"--source", "good=rtsp://me:secret@"+good+"/a", "--source", "bad=rtsp://me:secret@"+proxy.Addr()+"/b")
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	of := func(camera string) []uint64 { return numbersOf(t, brokers, camera) }
	eventually(t, "frames of both cameras", func() bool { return len(of("good")) > 0 && len(of("bad")) > 0 })
	first, seen := steady.Sent(), len(of("good"))
	for range rounds {
		for _, f := range []proxytest.Fault{proxytest.Cut(), proxytest.Blackhole(), proxytest.Reset(0), proxytest.Latency(time.Second, 0)} {
			before := len(of("bad"))
			end := proxy.Begin(f)
			time.Sleep(1500 * time.Millisecond)
			end()
			eventually(t, "frame of the bad camera after "+f.Name, func() bool { return len(of("bad")) > before })
		}
	}
	sent := int(steady.Sent() - first)
	eventually(t, "end of what was on its way", func() bool { return len(of("good"))-seen >= sent*98/100 })
	terminating(t, cmd)
	lines := ledgerLines(t, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the capture ended with %v", err)
	}
	seqs := of("good")
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != uint64(i) {
			t.Fatalf("frame %d of the good camera is missing, or there twice", i)
		}
	}
	if b := lines["good"]; b.Captured != b.Acked || b.Lost() != 0 || b.Reconnects != 0 || b.Acked != uint64(len(seqs)) {
		t.Errorf("the good camera: %+v, %d frames in Kafka", b, len(seqs))
	}
	if b := lines["bad"]; b.Reconnects == 0 || b.Captured != b.Acked+b.Lost() {
		t.Errorf("the bad camera: %+v", b)
	}
	t.Logf("the good camera made %d frames meanwhile and Kafka got %d; the bad one was opened again %d times", sent, len(seqs)-seen, lines["bad"].Reconnects)
}
