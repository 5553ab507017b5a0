package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/streams/broker"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// pictures makes a folder of n scenes with each so many JPEGs that differ.
func pictures(t *testing.T, scenes, each int) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "album")
	for s := range scenes {
		dir := filepath.Join(root, fmt.Sprintf("scene%d", s))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range each {
			drawPicture(t, filepath.Join(dir, fmt.Sprintf("%02d.jpg", i)), uint8(16*s+i))
		}
	}
	return root
}

func drawPicture(t *testing.T, path string, shade uint8) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 32, 24))
	for y := range 24 {
		for x := range 32 {
			img.Set(x, y, color.RGBA{shade, uint8(8 * x), uint8(8 * y), 255})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, img, nil); err != nil {
		t.Fatal(err)
	}
}

// startBroker runs an embedded broker for the test.
func startBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.Start(broker.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.Addr()
}

// frames reads every frame of the topic.
func frames(t *testing.T, brokers string) []frame.Encoded {
	t.Helper()
	messages, err := topic.Tail(t.Context(), topicConfig(brokers), "frames", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]frame.Encoded, len(messages))
	for i, m := range messages {
		if out[i], err = frame.Parse(m); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// numbersOf are the numbers of a camera's frames in the topic, in its order; none before there is a topic.
func numbersOf(t *testing.T, brokers, camera string) (seqs []uint64) {
	t.Helper()
	if _, err := topic.Bounds(t.Context(), topicConfig(brokers), "frames"); err != nil {
		return nil
	}
	for _, e := range frames(t, brokers) {
		if e.Camera == camera {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

func topicConfig(brokers string) topic.Config {
	c := config.DefaultKafka().Config
	c.Brokers = []string{brokers}
	return c
}

func TestIngestedFolderIsInKafkaWhole(t *testing.T) {
	brokers, album := startBroker(t), pictures(t, 2, 5)
	r := nearfar(t, "ingest", "--brokers", brokers, "--source", album)
	want := "camera    captured  acknowledged  dropped\nalbum           10            10  0\n"
	if r.code != exitOK || r.out != want {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	got := frames(t, brokers)
	if len(got) != 10 {
		t.Fatalf("%d frames in the topic", len(got))
	}
	for i, e := range got {
		if e.Seq != uint64(i) || e.Camera != "album" || !e.Checked {
			t.Errorf("frame %d: seq %d of %s, checked %v", i, e.Seq, e.Camera, e.Checked)
		}
	}
	if pause := got[5].Captured.Sub(got[4].Captured); pause < 10*time.Second {
		t.Errorf("%v between scenes", pause)
	}
}

func TestIngestGoesOnWhereKafkaStopped(t *testing.T) {
	brokers, album := startBroker(t), pictures(t, 1, 6)
	if r := nearfar(t, "ingest", "--brokers", brokers, "--source", album); r.code != exitOK {
		t.Fatalf("%+v", r)
	}
	for i := range 3 { // three more pictures come into the folder
		drawPicture(t, filepath.Join(album, "scene0", fmt.Sprintf("%02d.jpg", 6+i)), uint8(100+i))
	}
	r := nearfar(t, "ingest", "--brokers", brokers, "--source", album)
	if r.code != exitOK || !strings.Contains(r.out, "album            3             3  0\n") || !strings.Contains(r.err, "frame=6") {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	got := frames(t, brokers)
	for i, e := range got {
		if e.Seq != uint64(i) {
			t.Errorf("frame %d has seq %d: sent twice or left out", i, e.Seq)
		}
		if want := got[0].Captured.Add(e.PTS - got[0].PTS); !e.Captured.Equal(want) {
			t.Errorf("frame %d was captured at %v, %v would go on as if nothing had happened", i, e.Captured, want)
		}
	}
}

func TestIngestOfASyntheticRigKeepsRigsTogether(t *testing.T) {
	brokers := startBroker(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := nearfarIn(ctx, t, "ingest", "--brokers", brokers, "--source", "synth:cameras=2,fps=10", "--for", "2s")
	if r.code != exitOK {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.err)
	}
	got := frames(t, brokers)
	partitions, cameras := map[int]bool{}, map[string]bool{}
	for _, e := range got {
		partitions[e.Ref.Partition], cameras[e.Camera] = true, true
	}
	if len(got) == 0 || len(partitions) != 1 || len(cameras) != 2 {
		t.Errorf("%d frames of cameras %v in partitions %v", len(got), cameras, partitions)
	}
}

func TestUnreachableBrokerEndsWith69(t *testing.T) {
	r := nearfar(t, "ingest", "--brokers", "127.0.0.1:1", "--source", pictures(t, 1, 1), "--set", "kafka.timeout=300ms")
	if r.code != exitUnreachable || !strings.Contains(r.err, "127.0.0.1:1") {
		t.Errorf("%+v", r)
	}
}

func TestUnreadableSourceIsNamed(t *testing.T) {
	brokers, album := startBroker(t), pictures(t, 1, 3)
	broken := filepath.Join(t.TempDir(), "broken.mp4")
	if err := os.WriteFile(broken, []byte("this is no video"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := nearfar(t, "ingest", "--brokers", brokers, "--source", broken, "--source", album)
	if r.code != exitFailure || !strings.Contains(r.err, "broken.mp4") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
	if !strings.Contains(r.out, "album            3             3  0\n") {
		t.Errorf("the other camera suffers:\n%s", r.out)
	}
}

func TestPauseHoldsAFileBack(t *testing.T) {
	cfg := config.Defaults()
	cfg.Kafka.Brokers = []string{startBroker(t)}
	loaded, err := config.Load("", config.Options{Settings: []config.Setting{
		{From: "test", Path: "kafka.brokers", Value: cfg.Kafka.Brokers[0]},
		{From: "test", Path: "sources", Value: fmt.Sprintf("[{from: %q, pace: realtime, fps: 20}]", pictures(t, 1, 8))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := startFeed(t.Context(), loaded, newLogger(t.Output(), config.LogConfig{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Pause(true); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.Done():
		t.Fatalf("ended while paused: %v", f.Wait())
	case <-time.After(200 * time.Millisecond):
	}
	if err := f.Pause(false); err != nil {
		t.Fatal(err)
	}
	if err := f.Wait(); err != nil {
		t.Fatal(err)
	}
	if b := f.Totals()["album"]; b.Acked != 8 || b.Captured != 8 {
		t.Errorf("%+v", b)
	}
}
