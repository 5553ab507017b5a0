package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/metrics"
)

// freeAddress is one of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fetch asks an address; code 0 where nobody answers.
func fetch(t *testing.T, address, path string) (code int, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(b)
}

// samples reads Prometheus's text: nearfar's own metrics, by name and labels.
func samples(t *testing.T, text string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if !strings.HasPrefix(line, metrics.Prefix) || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		out[strings.TrimPrefix(line[:at], metrics.Prefix)] = v
	}
	return out
}

// process is the value of a metric of the Go runtime or the process.
func process(t *testing.T, text, name string) float64 {
	t.Helper()
	_, after, ok := strings.Cut(text, "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")
	v, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		t.Fatalf("%s is %q", name, value)
	}
	return v
}

// agree checks that metrics and summary say the same.
func agree(t *testing.T, got map[string]float64, s runSummary) {
	t.Helper()
	sum := func(family string) (n float64) {
		for name, v := range got {
			if name == family || strings.HasPrefix(name, family+"{") {
				n += v
			}
		}
		return n
	}
	for family, want := range map[string]uint64{
		"frames_captured_total": s.Captured, "frames_acknowledged_total": s.Acknowledged, "frames_trained_total": s.Trained,
		"frames_lost_gap_total": s.Lost, "dlq_total": s.DeadLettered, "frames_embedded_total": s.Embedded,
		"train_steps_total": s.Steps, "train_steps_forgone_total": s.Forgone, `frames_dropped_total{reason="late",stage="merge"}`: s.Late,
		"frames_dropped_total": total(s.Dropped) + s.Late,
	} {
		if n := sum(family); n != float64(want) {
			t.Errorf("%s is %v, the summary says %d", family, n, want)
		}
	}
	for name, want := range map[string]float64{"loss": s.Status.Loss, "embedding_std": s.Status.EmbeddingStd, "embedding_effective_rank": s.Status.EffectiveRank} {
		if got[name] != want {
			t.Errorf("%s is %v, the summary says %v", name, got[name], want)
		}
	}
}
