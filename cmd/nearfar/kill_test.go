package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nearfar/nearfar/model/train"
)

// newest is the checkpoint that a run would go on from, "" where there is none.
func newest(out string) string {
	path, _, err := train.Latest(out)
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// checkpoints are the names of a run's checkpoints, in order.
func checkpoints(out string) []string {
	found, _ := filepath.Glob(filepath.Join(out, "checkpoints", "step-*")) // the pattern is well formed
	for i, path := range found {
		found[i] = filepath.Base(path)
	}
	return found
}

// goesOn waits until the process has saved n more checkpoints than the one it began from, or long has passed, or
// it has ended: what comes first.
func (l *life) goesOn(out, from string, n int, long time.Duration) {
	saved, until := map[string]bool{}, time.Now().Add(long)
	for l.runs() && time.Now().Before(until) && len(saved) < n {
		for _, name := range checkpoints(out) {
			if name > from {
				saved[name] = true
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// partsOf are the hashes of a run's last checkpoint by file: weights, optimiser, bank, window, merge. The
// manifest, which says who wrote it, is left out.
func partsOf(t *testing.T, out string) map[string][32]byte {
	t.Helper()
	path, skipped, err := train.Latest(out)
	if err != nil || len(skipped) > 0 {
		t.Fatalf("the last checkpoint: %v, passed over %v", err, skipped)
	}
	names, err := filepath.Glob(filepath.Join(path, "*"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][32]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if base := filepath.Base(name); base != "manifest.json" {
			parts[base] = sha256.Sum256(b)
		}
	}
	return parts
}

// NEARFAR_KILLS processes of a run are killed with signal 9, at random moments of starting, learning and saving.
// What it ends with is what a run ends with that nobody disturbed, bit for bit: each part of the last checkpoint
// (weights, optimiser, bank, window and replay buffer, positions and counts), the embedding of every frame, and
// the set of frames.
func TestARunThatIsKilledEndsInTheSameBytes(t *testing.T) {
	const steps, most = 10, 3 // between checkpoints; checkpoints that a life may save before it is killed
	kills := faults(t, "NEARFAR_KILLS", 5, 50)
	frames := (kills + 2) * (most + 1) * 2 * steps // more than all of them can learn: two frames a step
	brokers, dir, r := startBroker(t), t.TempDir(), chance(t)
	filmTopic(t, brokers, 6, 8, frames)
	undisturbed, args := trainOn(t, brokers, filepath.Join(dir, "undisturbed"), frames, steps)
	began := time.Now()
	if r := nearfar(t, args...); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	took := time.Since(began)

	killed, args := trainOn(t, brokers, filepath.Join(dir, "killed"), frames, steps)
	resumed := map[string]bool{} // checkpoints that a life went on from
	torn := 0                    // lives that died while they saved
	for kill := range kills {
		since, before, l := time.Now(), newest(killed), live(t, args...)
		resumed[before] = true
		if kill%3 < 2 { // two of three after it has got further
			l.goesOn(killed, before, 1, time.Minute)
		}
		l.goesOn(killed, before, most, momentUpTo(r, took*most*2*steps/time.Duration(frames)))
		if !l.kill(t) {
			t.Fatalf("kill %d of %d came after the end\n%s", kill+1, kills, &l.said)
		}
		if tearing(killed, since) {
			torn++
		}
	}
	t.Logf("%d kills, %d of them while a checkpoint was written; gone on from %d checkpoints", kills, torn, len(resumed))
	if len(resumed) <= kills/2 {
		t.Errorf("only %d different checkpoints were gone on from in %d lives", len(resumed), kills)
	}
	l := live(t, args...)
	if err := l.ends(t, 5*time.Minute); err != nil {
		t.Fatalf("undisturbed at last, it ends with %v\n%s", err, &l.said)
	}
	sameEnd(t, undisturbed, killed, frames)
	if first, last := epochOf(t, undisturbed), epochOf(t, killed); first != 1 || last <= uint64(len(resumed)) {
		t.Errorf("the last checkpoints are of epochs %d and %d, after %d lives that had saved", first, last, len(resumed))
	}
}

// trainOn are the arguments of a trainer of so many frames of filmTopic, which saves every so many steps, and its run's
// folder in dir. Runs of one name end in the same bytes.
func trainOn(t *testing.T, brokers, dir string, frames, every int) (out string, args []string) {
	t.Helper()
	out = filepath.Join(dir, "run")
	return out, []string{"train", "-c", configure(t), "--brokers", brokers, "--frames", strconv.Itoa(frames), "--out", out,
		"--set", "sinks=[{kind: files}]", "--set", fmt.Sprintf("checkpoint.every=%d", every), "--set", "kafka.partitions=6", "--set", "sampler.idle=5ms"}
}

// tearing says whether a checkpoint was begun since then and not finished.
func tearing(out string, since time.Time) bool {
	half, _ := filepath.Glob(filepath.Join(out, "checkpoints", ".tmp-step-*")) // the pattern is well formed
	return slices.ContainsFunc(half, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.ModTime().After(since)
	})
}

// epochOf is which of a run's trainers wrote its last checkpoint.
func epochOf(t *testing.T, out string) uint64 {
	t.Helper()
	epoch, err := train.Epoch(filepath.Join(out, "checkpoints", newest(out)))
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// sameEnd holds a run that faults befell against one that nobody disturbed: everything it ends with is the same,
// to the byte.
func sameEnd(t *testing.T, undisturbed, killed string, frames int) {
	t.Helper()
	want, got := partsOf(t, undisturbed), partsOf(t, killed)
	if len(want) < 5 || !maps.Equal(want, got) {
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if want[name] != got[name] {
				t.Errorf("%s of the killed run differs from that of the undisturbed one", name)
			}
		}
		t.Errorf("%d parts of a checkpoint and %d", len(want), len(got))
	}
	a, b := embeddingsOf(t, filepath.Join(undisturbed, "embeddings.jsonl")), embeddingsOf(t, filepath.Join(killed, "embeddings.jsonl"))
	x, y := summary(t, undisturbed), summary(t, killed)
	if uint64(len(a)) != x.Trained || len(b) != len(a) {
		t.Errorf("%d and %d embeddings of %d frames", len(a), len(b), x.Trained)
	}
	for id, e := range a {
		if !reflect.DeepEqual(e, b[id]) {
			t.Fatalf("embedding %s of frame %s differs", id, e.Ref)
		}
	}
	if x.Trained < uint64(frames)*8/10 || x.Trained+x.Waiting != uint64(frames) || x.Trained != y.Trained || x.Waiting != y.Waiting ||
		x.Steps != y.Steps || x.Late+y.Late+y.Lost+y.DeadLettered+y.Unread != 0 {
		t.Errorf("the accounts: undisturbed %+v\nkilled %+v", x, y)
	}
}
