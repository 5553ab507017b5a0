package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// benched runs a bench and reads its JSON lines.
func benched(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	r := nearfar(t, append([]string{"bench"}, append(args, "--json")...)...)
	if r.code != exitOK {
		t.Fatalf("bench %v: %+v", args, r)
	}
	return lines[map[string]any](t, r.out)
}

// positive fails unless all these numbers are there and above 0.
func positive(t *testing.T, m map[string]any, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if x, ok := m[k].(float64); !ok || !(x > 0) {
			t.Errorf("%s is %v in %v", k, m[k], m)
		}
	}
}

func TestBenchSearchTellsEachSize(t *testing.T) {
	lines := benched(t, "search", "--rows", "300,20", "--dim", "16", "--queries", "3", "-k", "2", "--rounds", "2")
	if len(lines) != 2 || lines[0]["rows"] != 300.0 || lines[1]["rows"] != 20.0 || lines[0]["k"] != 2.0 {
		t.Fatalf("%v", lines)
	}
	positive(t, lines[0], "median_ms", "busy_ms", "queries_per_s", "threads")
	if r := nearfar(t, "bench", "search", "--rows", "30", "--rounds", "1"); r.code != exitOK || !strings.Contains(r.out, "30 × 128, 64 queries") {
		t.Errorf("%+v", r)
	}
}

func TestBenchRooflineSumsTheLayersOfTheStep(t *testing.T) {
	lines := benched(t, "roofline", "--image", "32", "--batch", "4", "--bank", "64", "--steps", "2", "--rounds", "2")
	layers, last := lines[:len(lines)-1], lines[len(lines)-1]
	if len(layers) != 7 || layers[0]["layer"] != "encoder.conv1" || layers[6]["layer"] != "scores against the bank" {
		t.Fatalf("%v", layers)
	}
	if layers[0]["to_data_ms"] != 0.0 || layers[6]["to_weights_ms"] != 0.0 {
		t.Errorf("gradients toward pictures or keys are counted: %v, %v", layers[0], layers[6])
	}
	positive(t, last, "median_ms", "bare_ms", "bare_floor_ms", "gflop", "share", "share_of_minima", "share_of_processor_time", "busy_ms")
	if last["steps"] != 4.0 {
		t.Errorf("%v steps, want 4", last["steps"])
	}
	// By hand: forward of queries and keys and two gradients, no gradient toward pictures or keys.
	macs := 0.0
	for i, c := range []struct{ side, in, out float64 }{{16, 3, 32}, {8, 32, 64}, {4, 64, 128}, {2, 128, 256}} {
		passes := 4.0
		if i == 0 {
			passes = 3
		}
		macs += passes * 4 * c.side * c.side * 9 * c.in * c.out
	}
	macs += 4 * 4 * (256*256 + 256*128)
	macs += 2 * 4 * 128 * 64
	if want := 2 * macs / 1e9; math.Abs(last["gflop"].(float64)-want) > 0.0051 {
		t.Errorf("%v GFLOP a step, want %.3f", last["gflop"], want)
	}
}

func TestBenchEmbedTimesTheEncoder(t *testing.T) {
	lines := benched(t, "embed", "--image", "16", "--batch", "4", "--rounds", "2")
	positive(t, lines[0], "median_ms", "min_ms", "max_ms", "busy_ms", "frames_per_s")
	if r := nearfar(t, "bench", "embed", "--encoder", "huge"); r.code != exitUsage || !strings.Contains(r.err, `encoder "huge" is unknown`) {
		t.Errorf("%+v", r)
	}
}

func TestBenchIngestCountsWhatKafkaAcknowledged(t *testing.T) {
	lines := benched(t, "ingest", "--cameras", "2", "--size", "64x48", "--frames", "30")
	if lines[0]["frames"] != 30.0 {
		t.Errorf("%v", lines[0])
	}
	positive(t, lines[0], "bytes", "frames_per_s", "frames_per_s_per_core", "latency_ms", "latency_max_ms")
	if r := nearfar(t, "bench", "ingest", "--source", "rtsp://me:secret@h/x"); r.code == exitOK || strings.Contains(r.err, "secret") {
		t.Errorf("a live camera was timed, or its password told: %+v", r)
	}
	if r := nearfar(t, "bench", "ingest", "--source", filepath.Join(t.TempDir(), "none.mp4")); r.code == exitOK {
		t.Errorf("a file that is not there was captured: %+v", r)
	}
}

func TestBenchPipelineLearnsFromKafka(t *testing.T) {
	lines := benched(t, "pipeline", "--image", "16", "--batch", "8", "--bank", "64", "--cameras", "2", "--size", "64x48",
		"--warm", "60", "--frames", "40", "--steps", "2")
	m := lines[0]
	positive(t, m, "taken_steps", "seconds", "log_frames_per_s", "trained_frames_per_s", "decode_ms", "share", "share_with_decoding", "median_ms")
	if m["taken_steps"] != 10.0 { // a quarter of 40 frames
		t.Errorf("%v steps from 40 frames at a quarter each", m["taken_steps"])
	}
	if r := nearfar(t, "bench", "pipeline", "--size", "big"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
}

func TestTimingsHaveAMedian(t *testing.T) {
	for _, c := range []struct {
		t    timings
		want float64
	}{{timings{3, 1, 2}, 2}, {timings{4, 1, 2, 3}, 2.5}, {timings{7}, 7}} {
		if got := c.t.median(); got != c.want {
			t.Errorf("the median of %v is %g, want %g", c.t, got, c.want)
		}
	}
	if !math.IsNaN(timings(nil).median()) {
		t.Error("nothing has a median")
	}
}
