package eval

import (
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/nearfar/nearfar/internal/realdata"
)

// around is eight views each of two objects, as directions in degrees; no query is as near to one known view
// as to another.
func around(t *testing.T) Set {
	t.Helper()
	var vectors []float32
	var labels []string
	for i, degrees := range []float64{
		0, 5, 52, 45, 200, 170, 250, 300, // a
		100, 60, 150, 120, 320, 290, 20, 30, // b
	} {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		vectors = append(vectors, float32(cos), float32(sin))
		labels = append(labels, string(rune('a'+i/8)))
	}
	s, err := NewSet(2, vectors, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOneViewKnowsTheFirstViewOnly(t *testing.T) {
	// Known: a at 0°, b at 100°; what lies in (−130°, 50°) goes to a. Right: a 5 45 250 300, b 60 150 120.
	if got := OneView(around(t)); got != 7.0/14 {
		t.Errorf("%g, want 7/14", got)
	}
}

func TestFourViewKnowsEveryQuarter(t *testing.T) {
	// Known: a at 0 52 200 250, b at 100 150 320 20. Right: a 5 45, b 120 290 30; wrong: a 170 300, b 60.
	if got := FourView(around(t)); got != 5.0/8 {
		t.Errorf("%g, want 5/8", got)
	}
}

func TestAGalleryViewNamedTwiceCountsOnce(t *testing.T) {
	s := around(t)
	if got, want := Gallery(s, func(_, n int) []int { return []int{4, 0, 4, 2, 6} }), FourView(s); got != want {
		t.Errorf("%g, want %g", got, want)
	}
}

func TestGalleryViewsAreCountedWithinTheClass(t *testing.T) {
	s := Set{Dim: 2, Names: []string{"a", "b", "empty"}, Labels: []int{1, 0, 1, 0},
		Vectors: []float32{1, 0, 0, 1, 1, 0.1, 0.1, 1}}
	var asked [][2]int
	got := Gallery(s, func(label, n int) []int {
		asked = append(asked, [2]int{label, n})
		return []int{0}[:min(1, n)]
	})
	if got != 1 {
		t.Errorf("accuracy %g, want 1", got)
	}
	want := [][2]int{{0, 2}, {1, 2}, {2, 0}}
	for i := range want {
		if asked[i] != want[i] {
			t.Fatalf("asked for %v, want %v", asked, want)
		}
	}
}

// pixels decodes a picture into RGB bytes as numbers 0–255.
func pixels(t *testing.T, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var v []float32
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			v = append(v, float32(r>>8), float32(g>>8), float32(bl>>8))
		}
	}
	if _, gray := img.(*image.Gray); gray {
		t.Fatalf("%s is grey", path)
	}
	return v
}

// The figures are those of the data's README, made by PyTorch on the same pixels.
func TestRawPixelsOfCOIL100GiveTheReferenceFigures(t *testing.T) {
	dir := realdata.Dir(t, "coil100-64")
	images, err := Images(dir)
	if err != nil {
		t.Fatal(err)
	}
	const streamed, views = 20, 72
	if len(images) != 30*views {
		t.Fatalf("%d pictures, want %d", len(images), 30*views)
	}
	set := func(images []Image) Set {
		var vectors []float32
		var labels []string
		for _, i := range images {
			vectors = append(vectors, pixels(t, i.Path)...)
			labels = append(labels, i.Label)
		}
		s, err := NewSet(64*64*3, vectors, labels, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		name      string
		set       Set
		one, four string
	}{
		{"streamed objects", set(images[:streamed*views]), "75.8", "93.4"},
		{"unseen objects", set(images[streamed*views:]), "87.7", "95.1"},
	} {
		if one, four := percent(OneView(c.set)), percent(FourView(c.set)); one != c.one || four != c.four {
			t.Errorf("%s: %s one-view, %s four-view, want %s and %s", c.name, one, four, c.one, c.four)
		}
	}
}

func percent(v float64) string { return fmt.Sprintf("%.1f", 100*v) }
