package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Processes of a run are asked to end at random moments of starting, learning and saving. Each saves and ends well, and
// what the run ends with is what one ends with that nobody asked, to the byte; each frame has one embedding. Their
// model versions are others: each end publishes one.
func TestFaultEndsAtAnyMomentChangeNothing(t *testing.T) {
	const every, most = 10, 2 // steps between checkpoints, which a life may save before it is asked
	ends := faults(t, "NEARFAR_ENDS", 4, 30)
	frames := (ends + 2) * (most + 1) * 2 * every
	brokers, dir, r := startBroker(t), t.TempDir(), chance(t)
	filmTopic(t, brokers, 6, 8, frames)
	undisturbed, args := trainOn(t, brokers, filepath.Join(dir, "undisturbed"), frames, every)
	began := time.Now()
	if r := nearfar(t, args...); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	took := time.Since(began)

	asked, args := trainOn(t, brokers, filepath.Join(dir, "asked"), frames, every)
	from := map[string]bool{} // checkpoints that a life went on from
	for n := range ends {
		before, l := newest(asked), live(t, args...)
		from[before] = true
		if n%3 < 2 { // two of three after it has got further
			l.goesOn(asked, before, 1, time.Minute)
		}
		l.goesOn(asked, before, most, momentUpTo(r, took*most*2*every/time.Duration(frames)))
		if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatalf("end %d of %d came after the end: %v\n%s", n+1, ends, err, &l.said)
		}
		err := l.ends(t, time.Minute)
		starting := strings.HasSuffix(l.said.String(), "nearfar: stopped by terminated\n") || l.said.Len() == 0
		if err != nil && !starting {
			t.Fatalf("asked to end, it ends with %v\n%s", err, &l.said)
		}
	}
	t.Logf("asked %d times to end; gone on from %d checkpoints", ends, len(from))
	if len(from) <= ends/2 {
		t.Errorf("only %d different checkpoints were gone on from in %d lives", len(from), ends)
	}
	if r := nearfar(t, args...); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	want, got := partsOf(t, undisturbed), partsOf(t, asked)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if want[name] != got[name] {
			t.Errorf("%s differs from that of the undisturbed run", name)
		}
	}
	x, y := summary(t, undisturbed), summary(t, asked)
	embedded := embeddingsOf(t, filepath.Join(asked, "embeddings.jsonl")) // no frame twice
	if len(want) < 5 || len(got) != len(want) || uint64(len(embedded)) != y.Trained || x.Trained != y.Trained || x.Steps != y.Steps || y.Late+y.Lost+y.Unread != 0 {
		t.Errorf("%d parts and %d, %d embeddings; the accounts: undisturbed %+v\nasked %+v", len(want), len(got), len(embedded), x, y)
	}
}
