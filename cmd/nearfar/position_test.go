package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// written makes a topic of one partition with frames first to last−1 of each camera, camera after camera.
func written(t *testing.T, brokers string, cameras map[string][2]uint64, order ...string) topic.Config {
	t.Helper()
	cfg := topicConfig(brokers)
	if err := topic.Ensure(t.Context(), cfg, topic.Spec{Name: "frames", Partitions: 1, MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	w, err := topic.NewWriter(cfg, "frames", topic.WriterOptions{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, camera := range order {
		var messages []frame.Message
		for seq := cameras[camera][0]; seq < cameras[camera][1]; seq++ {
			pts := time.Duration(seq) * 100 * time.Millisecond
			e := frame.Encoded{
				Meta:        frame.Meta{Camera: camera, Rig: "rig", Seq: seq, PTS: pts, Captured: noon.Add(pts)},
				ContentType: "image/jpeg", Data: []byte{0xff, 0xd8, 0xff, byte(seq)},
			}
			messages = append(messages, e.Message())
		}
		messages = append(messages, frame.Message{Key: []byte("rig"), Value: []byte("no picture")})
		if err := w.Write(t.Context(), messages...); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

func TestCamerasThatStoppedLongAgoAreFound(t *testing.T) {
	cfg := written(t, startBroker(t), map[string][2]uint64{"old": {0, 3}, "new": {100, 1400}}, "old", "new")
	got, err := positions(t.Context(), cfg, "frames", 1<<20, []string{"old", "new", "never"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got["old"].next != 3 || got["new"].next != 1400 {
		t.Errorf("%+v", got)
	}
	for camera, p := range got {
		if !p.start.Equal(noon) {
			t.Errorf("%s began at %v", camera, p.start)
		}
	}
}

func TestPositionsOfAnEmptyTopicAreNone(t *testing.T) {
	cfg := written(t, startBroker(t), nil)
	if got, err := positions(t.Context(), cfg, "frames", 1<<20, []string{"a"}, nil); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

// A capture process that died had written more than its parent knew when it started it.
func TestRestartedCaptureGoesOnBehindWhatTheDeadOneWrote(t *testing.T) {
	cfg := written(t, startBroker(t), map[string][2]uint64{"album": {0, 10}}, "album")
	cameras, err := catalog.Cameras([]sources.Config{{From: pictures(t, 1, 12)}}, 1, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		from  uint64
		floor int64
		want  uint64
	}{{0, 0, 10}, {4, 4, 10}, {10, 11, 10}, {12, 0, 12}} {
		job := captureJob{Camera: cameras[0], Kafka: cfg, Topic: "frames", MaxFrame: 1 << 19, MaxMessage: 1 << 20, From: tc.from, Floor: map[int]int64{0: tc.floor}}
		_, from, _, closeWriter, err := job.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if from != tc.want {
			t.Errorf("told %d with floor %d, it goes on at %d, not %d", tc.from, tc.floor, from, tc.want)
		}
		if err := closeWriter(); err != nil {
			t.Error(err)
		}
	}
}

func TestResumedRigsKeepTheirStart(t *testing.T) {
	configs := []sources.Config{{From: "synth", Cameras: 2}, {From: "a.mp4", Start: noon}, {From: "b.mp4"}}
	later := noon.Add(time.Hour)
	cameras, err := catalog.Cameras(configs, 1, later)
	if err != nil {
		t.Fatal(err)
	}
	resume(configs, cameras, map[string]position{"synth-1": {7, noon.Add(-time.Minute)}, "a": {5, noon.Add(-time.Minute)}})
	got := ""
	for _, c := range cameras {
		got += fmt.Sprintf("%s %v ", c.Name, c.Config.Start.Sub(noon))
	}
	if want := "synth-0 -1m0s synth-1 -1m0s a 0s b 1h0m0s "; got != want {
		t.Errorf("%s\nwants %s", got, want)
	}
}
