package eval

import (
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/nearfar/nearfar/internal/realdata"
)

// Thirteen robot episodes seen by three cameras, ten instants each. Raw pixels tell the cameras apart far
// better than the instants: almost half of the ordered pairs send all frames to one and the same.
func TestRawPixelsOfBridgeLieJustBelowChance(t *testing.T) {
	dir := realdata.Dir(t, "bridge3cam")
	episodes, err := filepath.Glob(filepath.Join(dir, "ep*"))
	if err != nil || len(episodes) != 13 {
		t.Fatalf("%d episodes, %v", len(episodes), err)
	}
	const dim = 64 * 64 * 3
	var all []Views
	var groups [][][]float32
	for _, episode := range episodes {
		cameras := make([][]float32, 3)
		for c := range cameras {
			for step := range 10 {
				cameras[c] = append(cameras[c], photo(t, filepath.Join(episode, fmt.Sprintf("cam%d/%02d.jpg", c, step)))...)
			}
		}
		v, err := NewViews(episode, dim, cameras...)
		if err != nil {
			t.Fatal(err)
		}
		all, groups = append(all, v), append(groups, v.Cameras)
	}
	// NumPy on the pixels that Pillow 13.0.0 decodes gives 0.3146; Go's decoder rounds otherwise, and distances
	// this close to each other change places.
	near(t, "alignment error", AlignmentError(all...), 0.3146, 0.01)
	if e := AlignmentError(all...); e >= AlignmentChance(10) {
		t.Errorf("alignment error %.3f, chance is %.3f", e, AlignmentChance(10))
	}
	tau := KendallTau(dim, 1, groups...)
	if tau.Pairs != 78 || tau.Constant < 20 || tau.Mean < 0.05 || tau.Mean > 0.25 {
		t.Errorf("%+v", tau)
	}
	if c := CycleConsistency(1, all...); c.Pairs != 78 || c.Exact > 0.15 {
		t.Errorf("%+v", c)
	}
}

// photo decodes a JPEG into RGB bytes as numbers 0–255.
func photo(t *testing.T, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := jpeg.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var v []float32
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			red, green, blue, _ := img.At(x, y).RGBA()
			v = append(v, float32(red>>8), float32(green>>8), float32(blue>>8))
		}
	}
	return v
}
