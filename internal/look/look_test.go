package look

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/streams/frame"
)

const side = 16 // px

// encoder is an untrained one.
func encoder(t *testing.T) *Encoder {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	w, err := model.NewWeights(model.Spec{Encoder: "small", Image: side, Norm: "batch"}, seed.New(1))
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// noise is a frame that looks like no other of another number.
func noise(number uint64, size int) *frame.Frame {
	f := &frame.Frame{Width: size, Height: size, Pix: make([]byte, 3*size*size)}
	r := seed.New(5).Rand(number)
	for i := range f.Pix {
		f.Pix[i] = byte(r.IntN(256))
	}
	return f
}

func TestEmbeddingsDoNotDependOnTheirBatch(t *testing.T) {
	e := encoder(t)
	frames := make([]*frame.Frame, 2*batch+3)
	for i := range frames {
		frames[i] = noise(uint64(i), side)
	}
	all, err := e.Embed(frames)
	if err != nil || len(all) != len(frames)*e.Width {
		t.Fatalf("%d numbers, %v", len(all), err)
	}
	for _, i := range []int{0, batch, len(frames) - 1} {
		alone, err := e.Embed(frames[i : i+1])
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range alone {
			if d := v - all[i*e.Width+j]; d > 1e-4 || d < -1e-4 {
				t.Fatalf("frame %d, number %d: %g alone, %g among others", i, j, v, all[i*e.Width+j])
			}
		}
	}
	if none, err := e.Embed(nil); err != nil || len(none) != 0 {
		t.Errorf("of nothing: %v %v", none, err)
	}
}

func TestFramesAreShownAtTheEncodersSize(t *testing.T) {
	small := noise(1, side)
	if got, err := Shrink(small, side); err != nil || got != small {
		t.Errorf("a frame of that size is not passed through: %v", err)
	}
	big := noise(1, 3*side)
	if got, err := Shrink(big, side); err != nil || got.Width != side || got.Height != side || big.Width != 3*side {
		t.Errorf("%v", err)
	}
	if v, err := encoder(t).Embed([]*frame.Frame{big}); err != nil || len(v) == 0 {
		t.Errorf("%v", err)
	}
}

func TestNearestAreApartAndInOrder(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var frames []*frame.Frame
	for i := range 20 {
		f := noise(uint64(i/2), side) // each picture twice, 100 ms apart; the pairs 5 s
		f.Rig, f.Captured = "yard", at.Add(time.Duration(i/2)*5*time.Second+time.Duration(i%2)*100*time.Millisecond)
		frames = append(frames, f)
	}
	other := noise(3, side)
	other.Rig, other.Captured = "street", frames[6].Captured
	frames = append(frames, other)
	x, err := NewIndex(encoder(t), frames)
	if err != nil {
		t.Fatal(err)
	}
	found, err := x.Nearest(noise(3, side), 5, time.Second)
	if err != nil || len(found) != 5 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	if found[0].Frame != frames[6] || found[1].Frame != other || found[0].Distance > 1e-5 {
		t.Errorf("the picture itself, and of the other rig, come first; found %v at %g", found[0].Frame.Captured, found[0].Distance)
	}
	for i, f := range found {
		if i > 0 && f.Distance < found[i-1].Distance {
			t.Errorf("answer %d is nearer than the one before", i)
		}
		for _, o := range found[:i] {
			if d := o.Frame.Captured.Sub(f.Frame.Captured).Abs(); o.Frame.Rig == f.Frame.Rig && d < time.Second {
				t.Errorf("two answers %v apart", d)
			}
		}
	}
	if all, err := x.Nearest(noise(3, side), 100, 0); err != nil || len(all) != len(frames) {
		t.Errorf("%d of %d found, %v", len(all), len(frames), err)
	}
}

func TestOnlyFramesBehindTheBanksKeysAreKept(t *testing.T) {
	b := bank.New(4, 2)
	ref := func(i int) frame.Ref { return frame.Ref{Topic: "frames", Offset: int64(i)} }
	for i := range 6 { // the first two are overwritten
		b.Enqueue([]float32{1, 0}, []bank.Origin{{Ref: ref(i)}})
	}
	var frames []*frame.Frame
	for i := range 8 {
		f := noise(uint64(i), side)
		f.Ref = ref(i)
		frames = append(frames, f)
	}
	got := InBank(frames, b)
	if len(got) != 4 || got[0] != frames[2] || got[3] != frames[5] || len(frames) != 8 || frames[0] == nil {
		t.Errorf("%d frames", len(got))
	}
}

func TestJudgeTellsWhatIsApartFromWhatIsNot(t *testing.T) {
	var apart, same []float32
	var labels []string
	r := seed.New(1).Rand()
	for i := range 60 {
		class := i % 3
		labels = append(labels, fmt.Sprint("class", class))
		v := []float32{0, 0, 0, 0}
		v[class] = 1
		for range v {
			same = append(same, float32(r.NormFloat64()))
		}
		v[3] = 0.05 * float32(r.NormFloat64())
		apart = append(apart, v...)
	}
	good, err := Judge("good", apart, 4, labels, true)
	if err != nil || good.OneView != 1 || good.FourView != 1 || good.KNN != 1 || good.Linear < 0.99 || good.RankMe <= 1 {
		t.Errorf("%+v, %v", good, err)
	}
	bad, err := Judge("bad", same, 4, labels, false)
	if err != nil || bad.OneView > 0.7 || bad.KNN > 0.7 || bad.Linear != 0 || bad.RankMe != 0 {
		t.Errorf("%+v, %v", bad, err)
	}
	if _, err := Judge("none", apart, 4, labels[:5], true); err == nil {
		t.Error("vectors without labels were judged")
	}
}

func TestPicturesAreReadWithTheirLabels(t *testing.T) {
	dir := t.TempDir()
	for _, class := range []string{"cup", "box"} {
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			img := image.NewRGBA(image.Rect(0, 0, 20, 30))
			img.Set(0, 0, color.White)
			f, err := os.Create(filepath.Join(dir, class, fmt.Sprintf("%d.png", i)))
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	frames, labels, err := Labelled(dir, side)
	if err != nil || strings.Join(labels, " ") != "box box cup cup" || frames[0].Width != side || frames[3].Label != "cup" {
		t.Errorf("%v %v", labels, err)
	}
	if raw := Raw(frames); len(raw) != 4*3*side*side {
		t.Errorf("%d raw numbers", len(raw))
	}
	if _, err := Load(filepath.Join(dir, "none.jpg"), side); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	bad := filepath.Join(dir, "cup", "bad.jpg")
	if err := os.WriteFile(bad, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Labelled(dir, side); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("a damaged picture is not named: %v", err)
	}
}

func TestRowsOfASheetSayWhatWasFound(t *testing.T) {
	q, f := noise(0, side), noise(1, side)
	q.Label, f.Camera, f.Captured = "q.jpg", "door", time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)
	row := Row("title", q, []Found{{f, 0.25}})
	if len(row.Cells) != 2 || row.Cells[0].Frame != q || row.Cells[1].Caption != "0.250  door\n03:04:05.6" {
		t.Errorf("%+v", row)
	}
}
