package capture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/internal/mattest"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/proxytest"
	"github.com/nearfar/nearfar/internal/realdata"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

func TestMain(m *testing.M) { mattest.Main(m, proxytest.Leaks()...) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// level is the brightness of frame i's left half in a generated clip: it tells the frames apart.
func level(i int) byte { return byte(20 + 8*(i%25)) }

// paint draws frame i: the left half level(i), the right half white.
func paint(mat *gocv.Mat, i int) {
	pix, err := mat.DataPtrUint8()
	if err != nil {
		panic(err)
	}
	for at := range pix {
		if pix[at] = 255; at/3%mat.Cols() < mat.Cols()/2 {
			pix[at] = level(i)
		}
	}
}

// clip writes an MJPG video of n frames, 64×48 at 10 fps. It goes to where the pattern of frame numbers says.
func clip(t testing.TB, n int, which func(i int) int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.avi")
	w, err := gocv.VideoWriterFile(path, "MJPG", 10, 64, 48, true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	mat := gocv.NewMatWithSize(48, 64, gocv.MatTypeCV8UC3)
	defer mat.Close()
	for i := range n {
		paint(&mat, which(i))
		if err := w.Write(mat); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func each(i int) int { return i }

func run(t testing.TB, cfg sources.Config, from uint64) ([]frame.Encoded, *Source) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []frame.Encoded
	if err := s.Run(context.Background(), from, func(e frame.Encoded) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out, s
}

// shown is which frame of a generated clip a picture shows, modulo 25.
func shown(t testing.TB, e frame.Encoded) int {
	t.Helper()
	f, err := picture.Decode(e, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := int(f.Pix[3*(f.Width*(f.Height/2)+f.Width/4)])
	return (v - 20 + 4) / 8
}

func TestFileGivesEveryFrameOnceInOrder(t *testing.T) {
	out, _ := run(t, sources.Config{Name: "cam", Rig: "rig", From: clip(t, 25, each), Start: start}, 0)
	if len(out) != 25 {
		t.Fatalf("%d frames of 25", len(out))
	}
	for i, e := range out {
		want := time.Duration(i) * 100 * time.Millisecond
		if d := e.PTS - want; e.Seq != uint64(i) || e.Camera != "cam" || e.Rig != "rig" || d.Abs() > time.Millisecond || !e.Captured.Equal(start.Add(e.PTS)) || e.ContentType != "image/jpeg" {
			t.Errorf("frame %d: %+v", i, e.Meta)
		}
		if got := shown(t, e); got != i {
			t.Errorf("frame %d shows frame %d", i, got)
		}
	}
}

func TestResumedFileGivesTheRest(t *testing.T) {
	path := clip(t, 25, each)
	all, _ := run(t, sources.Config{From: path, Start: start, Loop: 2, FPS: 5}, 0)
	if len(all) != 26 {
		t.Fatalf("%d frames of 2 × 13", len(all))
	}
	for _, from := range []int{1, 12, 13, 20, 26, 30} {
		rest, _ := run(t, sources.Config{From: path, Start: start, Loop: 2, FPS: 5}, uint64(from))
		if fmt.Sprint(rest) != fmt.Sprint(all[min(from, 26):]) {
			t.Errorf("from %d: %d frames that are not the rest", from, len(rest))
		}
	}
}

func TestLoopPausesInCaptureTime(t *testing.T) {
	out, _ := run(t, sources.Config{From: clip(t, 10, each), Start: start, Loop: 3, Gap: time.Minute}, 0)
	if len(out) != 30 {
		t.Fatalf("%d frames", len(out))
	}
	for i := 1; i < 30; i++ {
		want := 100 * time.Millisecond
		if i%10 == 0 {
			want += time.Minute
		}
		if d := out[i].Captured.Sub(out[i-1].Captured) - want; d.Abs() > time.Millisecond || out[i].Seq != uint64(i) {
			t.Errorf("frame %d comes %v after the one before, want %v", i, d+want, want)
		}
	}
}

func TestSizeAndCapAreKept(t *testing.T) {
	out, _ := run(t, sources.Config{From: clip(t, 25, each), Size: "32x20", FPS: 2}, 0)
	if len(out) != 5 {
		t.Fatalf("%d frames at 2 fps of 2.5 s", len(out))
	}
	for i, e := range out {
		if w, h, err := picture.Header(e.Data); err != nil || w != 32 || h != 20 || e.Seq != uint64(i) {
			t.Errorf("frame %d: %d×%d, %v", e.Seq, w, h, err)
		}
		if got := shown(t, e); got != 5*i {
			t.Errorf("kept frame %d shows frame %d, want %d", i, got, 5*i)
		}
	}
}

func TestFrozenAndGreyFramesAreCountedAndSent(t *testing.T) {
	frozen := func(i int) int { return max(0, i-4) } // 0 0 0 0 0 1 2 …
	out, s := run(t, sources.Config{From: clip(t, 10, frozen)}, 0)
	if got := s.Health().Counts; len(out) != 10 || got["frozen"] != 4 || got["grey"] != 0 {
		t.Errorf("%d frames, %v", len(out), got)
	}
	flat := make([]byte, 3*640*480)
	for i := range flat {
		flat[i] = byte(127 + i%2)
	}
	if !grey(flat) {
		t.Error("a flat picture is not grey")
	}
	for i := range flat {
		flat[i] = byte(i / 3 / 640)
	}
	if grey(flat) {
		t.Error("a gradient is grey")
	}
}

func TestUnreadableVideoSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole, err := os.ReadFile(clip(t, 250, each))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "gone.mp4"):                 "no such file",
		file("empty.mp4", ""):                          "empty",
		file("text_001.mp4", "this is no video"):       "ffprobe",
		file("head.avi", string(whole[:600])):          "ffprobe",
		file("half.avi", string(whole[:len(whole)/2])): "broke off after",
	} {
		s, err := New(sources.Config{From: path})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = s.Run(context.Background(), 0, func(frame.Encoded) error { n++; return nil })
		if !errors.Is(err, sources.ErrUnusable) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v after %d frames, want something with %q", filepath.Base(path), err, n, want)
		}
		if half := strings.HasSuffix(path, "half.avi"); half != (n > 5) {
			t.Errorf("%s: %d frames", filepath.Base(path), n)
		}
	}
}

func TestEndIsToldFromFailure(t *testing.T) {
	for _, c := range []struct {
		frames     int
		last       time.Duration
		count, fps float64
		whole      bool
	}{
		{795, 79400 * time.Millisecond, 795, 10, true},
		{794, 79400 * time.Millisecond, 795, 10, true}, // one more promised than there is
		{100, 10 * time.Second, 795, 10, false},
		{100, 79 * time.Second, 795, 10, true}, // variable rate, number estimated
		{0, 0, 795, 10, false},
		{50, 5 * time.Second, 0, 10, true}, // the container does not know
		{50, 5 * time.Second, -9e18, 10, true},
		{5, 400 * time.Millisecond, 10, 10, false},
	} {
		if err := complete(c.frames, c.last, c.count, c.fps); (err == nil) != c.whole {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestClockGoesForwardWhateverTheContainerSays(t *testing.T) {
	c := clock{period: 40 * time.Millisecond}
	var got []time.Duration
	for _, ms := range []float64{500, 540, 540, 0, -1e18, 1e18, 740} {
		at, err := c.next(ms)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, at)
	}
	if fmt.Sprint(got) != "[0s 40ms 80ms 120ms 160ms 200ms 240ms]" {
		t.Errorf("%v", got)
	}
}

func TestTimestampsGiveTheCaptureTimes(t *testing.T) {
	path := clip(t, 3, each)
	csv := filepath.Join(filepath.Dir(path), "t.csv")
	write := func(rows string) {
		if err := os.WriteFile(csv, []byte("cam_id,frame_time\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1,7\n0,7.25\n1,8\n0,8.5\n0,9\n")
	cfg := sources.Config{From: path, Start: start, Timestamps: csv, TimestampsID: "0"}
	out, _ := run(t, cfg, 0)
	var got []time.Duration
	for _, e := range out {
		got = append(got, e.Captured.Sub(start))
	}
	if fmt.Sprint(got) != "[250ms 1.5s 2s]" {
		t.Errorf("%v", got)
	}
	write("0,7.25\n")
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), 0, func(frame.Encoded) error { return nil }); !errors.Is(err, sources.ErrUnusable) || !strings.Contains(err.Error(), "frame 1 has no row") {
		t.Errorf("%v", err)
	}
	if err := os.Remove(csv); err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); !errors.Is(err, sources.ErrUnusable) {
		t.Errorf("%v", err)
	}
}

func TestEmitsErrorEndsTheCapture(t *testing.T) {
	s, err := New(sources.Config{From: clip(t, 25, each)})
	if err != nil {
		t.Fatal(err)
	}
	full, n := errors.New("full"), 0
	if err := s.Run(context.Background(), 0, func(frame.Encoded) error { n++; return full }); err != full || n != 1 {
		t.Errorf("%v after %d frames", err, n)
	}
}

func TestRealClipsGiveEveryFrameOnce(t *testing.T) {
	dir := realdata.Dir(t, "videos")
	for name, want := range map[string]struct {
		frames int
		fps    float64
	}{"vtest_480x360.avi": {795, 10}, "intel_car-detection.mp4": {377, 12.5}} {
		out, _ := run(t, sources.Config{From: filepath.Join(dir, name), Start: start, Size: "64x48"}, 0)
		if len(out) != want.frames {
			t.Errorf("%s: %d frames of %d", name, len(out), want.frames)
		}
		for i, e := range out {
			at := time.Duration(float64(i) / want.fps * 1e9)
			if d := e.PTS - at; e.Seq != uint64(i) || d.Abs() > 2*time.Millisecond {
				t.Fatalf("%s frame %d: PTS %v, want %v", name, i, e.PTS, at)
			}
		}
	}
}

func TestRealRigPairsByTrueCaptureTime(t *testing.T) {
	dir := realdata.Dir(t, "caliscope/4_cam_recording")
	var cams [4][]frame.Encoded
	for i := range cams {
		cfg := sources.Config{From: filepath.Join(dir, fmt.Sprintf("cam_%d.mp4", i)), Rig: "rig", Start: start, Size: "64x48", Timestamps: filepath.Join(dir, "timestamps.csv")}
		if cams[i], _ = run(t, cfg, 0); len(cams[i]) != 48 {
			t.Fatalf("camera %d: %d frames of 48", i, len(cams[i]))
		}
	}
	var most, sum time.Duration
	for n := range 48 {
		earliest, latest := cams[0][n].Captured, cams[0][n].Captured
		for _, cam := range cams[1:] {
			if at := cam[n].Captured; at.Before(earliest) {
				earliest = at
			} else if at.After(latest) {
				latest = at
			}
		}
		most, sum = max(most, latest.Sub(earliest)), sum+latest.Sub(earliest)
	}
	if most > 46500*time.Microsecond || most < 40*time.Millisecond || sum/48 > 12*time.Millisecond {
		t.Errorf("the views of an instant lie at most %v apart, %v on average; the recording says 46 and 11 ms", most, sum/48)
	}
	if first := cams[1][0].Captured.Sub(start); first < 0 || first > 20*time.Millisecond {
		t.Errorf("the first frame is captured %v after the start", first)
	}
}
