package still

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/natural"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/realdata"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// jpeg is a small picture whose bytes depend on n.
func jpeg(t *testing.T, n int) []byte {
	t.Helper()
	f := &frame.Frame{Width: 16, Height: 12, Pix: make([]byte, 3*16*12)}
	for i := range f.Pix {
		f.Pix[i] = byte(n*37 + i%3*50)
	}
	data, err := picture.JPEG(f, 90)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// folder makes files below a new folder, numbered as they are named here.
func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, jpeg(t, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, cfg sources.Config, from uint64) ([]frame.Encoded, *Source) {
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

func TestScenesAndPicturesComeInNaturalOrder(t *testing.T) {
	dir := folder(t, "s10/a.jpg", "s2/img10.jpg", "s2/img9.JPG", "s2/notes.txt", "s2/.hidden.jpg", "root.jpeg", "s2/deep/x.jpg")
	out, s := run(t, sources.Config{Name: "cam", From: dir, Labels: sources.LabelsFolder, Start: start}, 0)
	var got []string
	for i, e := range out {
		if e.Seq != uint64(i) || e.Camera != "cam" || e.Rig != "cam" || e.ContentType != "image/jpeg" {
			t.Errorf("frame %d: %+v", i, e.Meta)
		}
		got = append(got, fmt.Sprintf("%s@%v", e.Label, e.Captured.Sub(start)))
	}
	want := filepath.Base(dir) + "@0s s2@10.1s s2@10.2s s2/deep@20.3s s10@30.4s"
	if strings.Join(got, " ") != want || s.Scenes() != 4 || s.Len() != 5 {
		t.Errorf("%v, want %s", got, want)
	}
	if nine, _ := os.ReadFile(filepath.Join(dir, "s2/img9.JPG")); !bytes.Equal(out[1].Data, nine) {
		t.Error("img9 does not come before img10 with its bytes unchanged")
	}
}

func TestLabelsAreLeftOutUnlessAsked(t *testing.T) {
	out, _ := run(t, sources.Config{From: folder(t, "cup/1.jpg")}, 0)
	if out[0].Label != "" {
		t.Errorf("label %q", out[0].Label)
	}
}

func TestSymbolicLinksAreFollowed(t *testing.T) {
	real := folder(t, "cup/1.jpg", "cup/2.jpg")
	dir := t.TempDir()
	for _, visit := range []string{"0001", "0002"} {
		if err := os.Symlink(filepath.Join(real, "cup"), filepath.Join(dir, visit)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(real, "cup/1.jpg"), filepath.Join(dir, "0001.jpg")); err != nil {
		t.Fatal(err)
	}
	for labels, want := range map[string]string{sources.LabelsFolder: "0001 0001 0002 0002", sources.LabelsTarget: "cup cup cup cup"} {
		out, _ := run(t, sources.Config{From: dir, Labels: labels}, 0)
		var got []string
		for _, e := range out[1:] {
			got = append(got, e.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("labels: %s gives %v, want %s", labels, got, want)
		}
	}
}

func TestLinkLoopIsAnError(t *testing.T) {
	dir := folder(t, "a/1.jpg")
	if err := os.Symlink(dir, filepath.Join(dir, "a", "up")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(sources.Config{From: dir}); err == nil || !strings.Contains(err.Error(), "leads back") {
		t.Errorf("%v", err)
	}
}

func TestFolderWithoutPicturesIsUnusable(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nothing") + "/"} {
		if _, err := New(sources.Config{From: dir}); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(dir, "/")) {
			t.Errorf("%v", err)
		}
	}
}

func TestResumingGivesTheRestUnchanged(t *testing.T) {
	dir := folder(t, "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg")
	cfg := sources.Config{From: dir, Loop: 3, Start: start, Gap: time.Minute, FPS: 4}
	all, _ := run(t, cfg, 0)
	if len(all) != 12 {
		t.Fatalf("%d frames", len(all))
	}
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.IntRange(0, 13).Draw(rt, "from")
		rest, _ := run(t, cfg, uint64(from))
		if fmt.Sprint(rest) != fmt.Sprint(all[min(from, 12):]) {
			rt.Fatalf("from %d: not the same frames", from)
		}
	})
	for i := 1; i < len(all); i++ {
		step, want := all[i].Captured.Sub(all[i-1].Captured), 250*time.Millisecond
		if i%2 == 0 {
			want += time.Minute
		}
		if step != want || all[i].PTS != all[i].Captured.Sub(start) {
			t.Errorf("frame %d comes %v after the one before, want %v; PTS %v", i, step, want, all[i].PTS)
		}
	}
}

func TestUnreadableFileLeavesAHole(t *testing.T) {
	dir := folder(t, "1.jpg", "2.jpg", "4.jpg")
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "3.jpg")); err != nil {
		t.Fatal(err)
	}
	out, s := run(t, sources.Config{From: dir}, 0)
	if len(out) != 3 || out[2].Seq != 3 || s.Health().Counts["unreadable"] != 1 || !strings.Contains(s.Health().Err, "3.jpg") {
		t.Errorf("%d frames, the last %d, health %+v", len(out), out[len(out)-1].Seq, s.Health())
	}
}

func TestSizeIsMadeAndBadPicturesPass(t *testing.T) {
	dir := folder(t, "1.jpg", "2.jpg")
	bad := append(jpeg(t, 5)[:60], "rest"...)
	if err := os.WriteFile(filepath.Join(dir, "2.jpg"), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := run(t, sources.Config{From: dir, Size: "8x8"}, 0)
	if w, h, err := picture.Header(out[0].Data); err != nil || w != 8 || h != 8 {
		t.Errorf("%d×%d, %v", w, h, err)
	}
	if !bytes.Equal(out[1].Data, bad) {
		t.Error("a picture that cannot be decoded was changed or lost")
	}
}

func TestCancellingStopsAPacedFolder(t *testing.T) {
	s, err := New(sources.Config{From: folder(t, "1.jpg", "2.jpg"), FPS: 0.001, Pace: sources.Realtime})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err = s.Run(ctx, 0, func(frame.Encoded) error { n++; cancel(); return nil })
	if n != 1 || err != context.Canceled {
		t.Errorf("%d frames, %v", n, err)
	}
}

func TestNaturalOrderIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a0-2.]{0,6}`)
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		if natural.Compare(a, b) != -natural.Compare(b, a) || (natural.Compare(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d and %d", a, b, natural.Compare(a, b), natural.Compare(b, a))
		}
		if natural.Compare(a, b) < 0 && natural.Compare(b, c) < 0 && natural.Compare(a, c) >= 0 {
			t.Fatalf("%q < %q < %q is not transitive", a, b, c)
		}
	})
	for _, pair := range [][2]string{{"img2", "img10"}, {"2", "10"}, {"a", "a1"}, {"a1b", "a1c"}, {"009", "10"}} {
		if natural.Compare(pair[0], pair[1]) >= 0 {
			t.Errorf("%s does not come before %s", pair[0], pair[1])
		}
	}
}

func TestRealTurntableStreams(t *testing.T) {
	out, s := run(t, sources.Config{From: realdata.Dir(t, "coil100-64"), Labels: sources.LabelsFolder}, 0)
	if len(out) != 2160 || s.Scenes() != 30 || out[0].Label != "obj002" {
		t.Errorf("%d frames of %d scenes, the first of %s", len(out), s.Scenes(), out[0].Label)
	}
	labels := map[string]int{}
	for _, e := range out {
		labels[e.Label]++
	}
	for label, n := range labels {
		if n != 72 {
			t.Errorf("%d pictures of %s, not 72", n, label)
		}
	}
}
