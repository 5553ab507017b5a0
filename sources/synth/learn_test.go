package synth

import (
	"math"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// nearest is the share of queries whose nearest neighbour in the gallery (Euclidean, by feature) has their
// label.
func nearest(gallery, queries []*frame.Frame, feature func(*frame.Frame) []float64) float64 {
	index := make([][]float64, len(gallery))
	for i, f := range gallery {
		index[i] = feature(f)
	}
	right := 0
	for _, q := range queries {
		v, best, label := feature(q), math.Inf(1), ""
		for i, g := range index {
			d := 0.0
			for j := range v {
				d += (v[j] - g[j]) * (v[j] - g[j])
			}
			if d < best {
				best, label = d, gallery[i].Label
			}
		}
		if label == q.Label {
			right++
		}
	}
	return float64(right) / float64(len(queries))
}

// pixels is the picture at half size: 64×64×3 at the default size.
func pixels(f *frame.Frame) []float64 {
	w, h := f.Width/2, f.Height/2
	v := make([]float64, 3*w*h)
	for y := range 2 * h {
		for x := range 2 * w {
			for c := range 3 {
				v[3*(y/2*w+x/2)+c] += float64(f.Pix[3*(y*f.Width+x)+c]) / 4
			}
		}
	}
	return v
}

// meanColour is the mean of the middle of the picture, where the object is.
func meanColour(f *frame.Frame) []float64 {
	v := make([]float64, 3)
	for y := f.Height / 4; y < 3*f.Height/4; y++ {
		for x := f.Width / 4; x < 3*f.Width/4; x++ {
			for c := range v {
				v[c] += float64(f.Pix[3*(y*f.Width+x)+c])
			}
		}
	}
	for c := range v {
		v[c] /= float64(f.Width * f.Height / 4)
	}
	return v
}

// stream is labelled frames of a camera, some of each visit of the first rounds.
func stream(s *Scene, camera, rounds int) (out []*frame.Frame) {
	for slot := range rounds * s.cfg.Objects {
		for _, into := range []time.Duration{800, 1700} {
			out = append(out, s.Render(camera, time.Duration(slot)*s.cfg.Visit+into*time.Millisecond))
		}
	}
	return out
}

func TestRawPixelsFailAcrossViews(t *testing.T) {
	s := scene(t, nil)
	known := stream(s, 0, 2)
	for camera := 1; camera < 3; camera++ {
		share := nearest(known, stream(s, camera, 2), pixels)
		t.Logf("camera 0 to camera %d, same visits: %.1f %%", camera, 100*share)
		if share > 0.4 {
			t.Errorf("raw pixels of camera 0 name %.0f %% of camera %d's pictures", 100*share, camera)
		}
	}
}

func TestColourAloneDoesNotNameAnObject(t *testing.T) {
	g, err := Gallery(Defaults(), 8)
	if err != nil {
		t.Fatal(err)
	}
	var known, asked []*frame.Frame
	for i, f := range g {
		if i%2 == 0 {
			known = append(known, f)
		} else {
			asked = append(asked, f)
		}
	}
	colour, raw := nearest(known, asked, meanColour), nearest(known, asked, pixels)
	t.Logf("unseen views, four known of each object: mean colour %.1f %%, raw pixels %.1f %%", 100*colour, 100*raw)
	if colour > 0.5 || raw > 0.4 {
		t.Errorf("mean colour names %.0f %%, raw pixels %.0f %% of unseen views", 100*colour, 100*raw)
	}
}

func TestColoursAndTexturesAreShared(t *testing.T) {
	type pair struct {
		colours palette
		texture float64 // at a few points: functions cannot be compared
	}
	byPalette, pairs, names := map[palette]int{}, map[pair]string{}, map[string]bool{}
	for i, o := range catalogue {
		if names[o.name] {
			t.Errorf("two objects are called %s", o.name)
		}
		names[o.name] = true
		if i < minObjects {
			byPalette[o.colours]++
		}
		sign := 0.0
		for j := range 20 {
			a := float64(j)
			sign = 1.7*sign + o.texture(vec{math.Sin(a), math.Cos(2 * a), math.Sin(3 * a)})
		}
		if twin, ok := pairs[pair{o.colours, sign}]; ok {
			t.Errorf("%s and %s have the same colours and texture", twin, o.name)
		}
		pairs[pair{o.colours, sign}] = o.name
	}
	for p, n := range byPalette {
		if n < 3 {
			t.Errorf("only %d of the first %d objects have the colours %v", n, minObjects, p)
		}
	}
}

func TestGalleryIsApartFromTheStream(t *testing.T) {
	c := Defaults()
	g, err := Gallery(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(g) != 36 {
		t.Fatalf("%d pictures of 12 objects from 3 viewpoints", len(g))
	}
	for i, f := range g {
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		if want := catalogue[i/3].name; f.Label != want || f.Seq != uint64(i) || f.Camera != g[i%3].Camera {
			t.Errorf("picture %d is %s number %d of %s", i, f.Label, f.Seq, f.Camera)
		}
	}
	s := scene(t, nil)
	for _, k := range s.cams {
		if !s.near(math.Atan2(k.at.y, k.at.x) + 0.2) {
			t.Error("a viewpoint 11° from a camera of the rig counts as unseen")
		}
	}
	many := scene(t, func(c *Config) { c.Cameras = 16 })
	if many.near(math.Pi) {
		t.Error("the densest rig leaves no room for other viewpoints")
	}
}
