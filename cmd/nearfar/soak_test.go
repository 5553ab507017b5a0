package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soakFor is a duration that the environment gives, or the fallback.
func soakFor(t *testing.T, variable string, fallback time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("%s is %q, no duration like 20m", variable, text)
	}
	return d
}

// bounded is run.memory of what is filmed; the race detector takes half of it for itself.
const bounded = 600 << 20

// filming starts a run of four synthetic cameras at 30 frames a second, with metrics and a bound of memory; where it is
// stalled nobody takes its embeddings, so that training stands still.
func filming(t *testing.T, stalled bool, more ...string) (cmd *exec.Cmd, address string) {
	t.Helper()
	address = freeAddress(t)
	args := append([]string{"run", "-c", configure(t), "--source", "synth:cameras=4,fps=30,size=128x96", "--out", filepath.Join(t.TempDir(), "run"), "--http", address, "--log-level", "error", "--set", fmt.Sprintf("run.memory=%d", bounded)}, more...)
	if stalled {
		args = append(args, "--set", "sinks=[{kind: stdout}]", "--set", "run.drain=1s")
	}
	cmd, _ = program(t, args...) // nobody reads what it writes
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, address
}

// measure scrapes a process until it answers, and returns its memory (bytes) and some of its counts.
func measure(t *testing.T, address string) (rss, captured, trained, lag float64) {
	t.Helper()
	var text string
	eventually(t, "answer of the metrics", func() bool {
		var code int
		code, text = fetch(t, address, "/metrics")
		return code == 200
	})
	got := samples(t, text)
	for name, v := range got {
		if strings.HasPrefix(name, "frames_captured_total{") {
			captured += v
		}
	}
	return process(t, text, "process_resident_memory_bytes"), captured, got["frames_trained_total"], got["consumer_lag"]
}

const megabyte = 1 << 20

// TestAStalledTrainersMemoryIsBounded: four cameras at 30 frames a second go on while nobody trains; what comes lies
// in Kafka's log on the disk. NEARFAR_STALL is for how long (10 s; the release's figure is for 10m).
func TestAStalledTrainersMemoryIsBounded(t *testing.T) {
	cmd, address := filming(t, true)
	most, first, frames := 0.0, 0.0, 0.0
	var trained, lag float64
	stall := soakFor(t, "NEARFAR_STALL", 10*time.Second)
	// A slow machine films slowly: it is given time until enough has come to tell a stall by.
	for began := time.Now(); time.Since(began) < stall || frames < 600 && time.Since(began) < stall+time.Minute; time.Sleep(200 * time.Millisecond) {
		rss, captured, done, behind := measure(t, address)
		if first == 0 && captured > 100 {
			first = rss
		}
		most, frames, trained, lag = max(most, rss), captured, done, behind
	}
	t.Logf("%.0f frames captured, %.0f trained, %.0f behind; memory %.0f MiB at first, %.0f MiB at most", frames, trained, lag, first/megabyte, most/megabyte)
	if frames < 300 || trained > frames/2 || lag == 0 {
		t.Errorf("%.0f frames came, %.0f were trained on, and %.0f wait: it is not stalled", frames, trained, lag)
	}
	if most > bounded {
		t.Errorf("%.0f MiB are taken", most/megabyte)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestMemoryDoesNotCreep fits a line through the memory of a run after its first quarter. It runs where NEARFAR_SOAK
// says for how long; 20m give enough samples for a slope in MB per hour.
func TestMemoryDoesNotCreep(t *testing.T) {
	if os.Getenv("NEARFAR_SOAK") == "" {
		t.Skip("SKIPPED: NEARFAR_SOAK does not say for how long (make soak does)")
	}
	// The embedded broker remembers each batch until retention takes it: little is kept, so that it is full early.
	_, address := filming(t, false, "--set", "sinks=[{kind: files}]", "--set", "kafka.retention_bytes=8MiB", "--set", "kafka.max_frame=64KiB")
	whole := soakFor(t, "NEARFAR_SOAK", 0)
	var hours, mib []float64
	for began := time.Now(); time.Since(began) < whole; time.Sleep(max(50*time.Millisecond, whole/400)) {
		rss, _, trained, _ := measure(t, address)
		if at := time.Since(began); at > whole/4 && trained > 0 {
			hours, mib = append(hours, at.Hours()), append(mib, rss/megabyte)
		}
	}
	slope, jitter := fit(hours, mib)
	t.Logf("%d samples: %.2f MiB/h ± %.2f, %.0f MiB at last", len(mib), slope, jitter, mib[len(mib)-1])
	if len(mib) < 200 {
		t.Errorf("only %d samples", len(mib))
	}
	if slope-2*jitter > 1 { // two standard errors above what may be
		t.Errorf("memory grows by %.2f ± %.2f MiB an hour", slope, jitter)
	}
}

// fit fits y = a + b·x and returns b and its standard error.
func fit(x, y []float64) (slope, jitter float64) {
	n := float64(len(x))
	var mx, my, xx, xy float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		xy += (x[i] - mx) * (y[i] - my)
	}
	slope = xy / xx
	rest := 0.0
	for i := range x {
		e := y[i] - my - slope*(x[i]-mx)
		rest += e * e
	}
	return slope, math.Sqrt(rest / (n - 2) / xx)
}

func TestALineIsFitted(t *testing.T) {
	slope, jitter := fit([]float64{0, 1, 2, 3}, []float64{1, 3, 5, 7})
	if math.Abs(slope-2) > 1e-12 || jitter > 1e-12 {
		t.Errorf("%v ± %v", slope, jitter)
	}
}
