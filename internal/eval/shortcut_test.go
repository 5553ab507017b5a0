package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// world is a smooth endless picture, another for every number, seen at any point (px) in three channels.
type world [6][5]float64

func newWorld(name string, number uint64) *world {
	r := seed.New(3).At(name).Rand(number)
	var w world
	for i := range w {
		angle, period := 2*math.Pi*r.Float64(), 6+40*r.Float64() // px
		w[i] = [5]float64{math.Cos(angle) * 2 * math.Pi / period, math.Sin(angle) * 2 * math.Pi / period, 2 * math.Pi * r.Float64(), r.NormFloat64(), float64(i % 3)}
	}
	return &w
}

func (w *world) at(x, y float64, channel int) float64 {
	sum := 0.0
	for _, wave := range w {
		weight := 0.6 // shared by all channels
		if int(wave[4]) == channel {
			weight = 1
		}
		sum += weight * wave[3] * math.Sin(wave[0]*x+wave[1]*y+wave[2])
	}
	return sum / 2
}

// crop cuts (size, size, 3).
func (w *world) crop(x0, y0 float64, size int) []float32 {
	out := make([]float32, 0, size*size*3)
	for y := range size {
		for x := range size {
			for c := range 3 {
				out = append(out, float32(w.at(x0+float64(x), y0+float64(y), c)))
			}
		}
	}
	return out
}

// jigsaw is four tiles in one of eight orders, with a gap (px) between them; change is done to each tile.
func jigsaw(name string, n, gap int, change func(tile []float32, place int)) Examples {
	const size = 16
	orders := [][]int{{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}, {0, 2, 3, 1}, {1, 3, 0, 2}, {3, 1, 2, 0}, {2, 0, 1, 3}}
	e := Examples{Patches: 4, Size: size, Classes: len(orders)}
	for i := range n {
		w, r := newWorld(name, uint64(i)), seed.New(4).At(name).Rand(uint64(i))
		label := r.IntN(len(orders))
		e.Labels = append(e.Labels, label)
		for _, place := range orders[label] {
			tile := w.crop(float64(place%2*(size+gap)), float64(place/2*(size+gap)), size)
			if change != nil {
				change(tile, place)
			}
			e.Pixels = append(e.Pixels, tile...)
		}
	}
	return e
}

func probed(t *testing.T, task string, train, test Examples) map[string]Shortcut {
	t.Helper()
	all, err := Shortcuts(task, train, test)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Shortcut{}
	for _, s := range all {
		t.Log(s)
		found[s.Cue] = s
	}
	return found
}

func TestJigsawWithoutGapIsSolvedByItsBorders(t *testing.T) {
	tight := probed(t, "jigsaw", jigsaw("train", 300, 0, nil), jigsaw("test", 150, 0, nil))["border"]
	if !tight.Suspicious() || tight.Accuracy < 0.6 || !strings.Contains(tight.String(), "leave a gap") {
		t.Errorf("without a gap: %v", tight)
	}
	apart := probed(t, "jigsaw", jigsaw("train", 300, 40, nil), jigsaw("test", 150, 40, nil))
	for cue, s := range apart {
		if s.Suspicious() || strings.Contains(s.String(), "a shortcut") {
			t.Errorf("with a gap longer than the picture's correlation, %s: %v", cue, s)
		}
	}
}

func TestShadingIsSeenByTileMeans(t *testing.T) {
	darker := func(tile []float32, place int) {
		for i := range tile {
			tile[i] -= 0.7 * float32(place/2)
		}
	}
	found := probed(t, "jigsaw", jigsaw("train", 300, 40, darker), jigsaw("test", 150, 40, darker))
	if !found["tile mean"].Suspicious() {
		t.Errorf("%v", found["tile mean"])
	}
	normalised := func(tile []float32, place int) {
		darker(tile, place)
		mean := 0.0
		for _, v := range tile {
			mean += float64(v) / float64(len(tile))
		}
		for i := range tile {
			tile[i] -= float32(mean)
		}
	}
	found = probed(t, "jigsaw", jigsaw("train", 300, 40, normalised), jigsaw("test", 150, 40, normalised))
	if found["tile mean"].Suspicious() {
		t.Errorf("after normalisation: %v", found["tile mean"])
	}
}

// rotated is whole pictures turned by quarters, with a bright clock burned into the upper left corner or not.
func rotated(name string, n int, clock bool) Examples {
	const size = 32
	e := Examples{Patches: 1, Size: size, Classes: 4}
	for i := range n {
		pix := newWorld(name, uint64(i)).crop(0, 0, size)
		if clock {
			for y := 1; y < 5; y++ {
				for x := 1; x < 8; x++ {
					for c := range 3 {
						pix[(y*size+x)*3+c] = float32(2 - 4*((x+y*i)%3%2))
					}
				}
			}
		}
		label := i % 4
		for range label {
			pix = quarterTurn(pix, size)
		}
		e.Labels, e.Pixels = append(e.Labels, label), append(e.Pixels, pix...)
	}
	return e
}

func quarterTurn(pix []float32, size int) []float32 {
	out := make([]float32, 0, len(pix))
	for y := range size {
		for x := range size {
			at := (x*size + size - 1 - y) * 3
			out = append(out, pix[at:at+3]...)
		}
	}
	return out
}

func TestBurnedInClockIsSeenInTheCorners(t *testing.T) {
	found := probed(t, "rotation", rotated("train", 300, true), rotated("test", 150, true))
	if s := found["corners"]; !s.Suspicious() || !strings.Contains(s.String(), "clock") {
		t.Errorf("%v", s)
	}
	for cue, s := range probed(t, "rotation", rotated("train", 300, false), rotated("test", 150, false)) {
		if s.Suspicious() {
			t.Errorf("without a clock, %s: %v", cue, s)
		}
	}
}

func TestABlackRimIsSeenAtTheBorder(t *testing.T) {
	rim := func(name string, n int) Examples { // the lower edge of every frame is black, as codecs leave it
		e := rotated(name, n, false)
		for i, label := range e.Labels {
			mask := make([]float32, 32*32*3)
			for j := range mask {
				if mask[j] = 1; j/3/32 >= 30 {
					mask[j] = 0
				}
			}
			for range label {
				mask = quarterTurn(mask, 32)
			}
			for j, v := range mask {
				if v == 0 {
					e.Pixels[i*len(mask)+j] = -2
				}
			}
		}
		return e
	}
	if s := probed(t, "rotation", rim("train", 300), rim("test", 150))["border"]; !s.Suspicious() {
		t.Errorf("%v", s)
	}
}

func TestWhatTheCentreTellsIsNoClock(t *testing.T) {
	sky := func(name string, n int) Examples { // all pictures get brighter upwards
		e := rotated(name, n, false)
		for i, label := range e.Labels {
			light := make([]float32, 32*32*3)
			for j := range light {
				light[j] = 1 - float32(j/3/32)/16
			}
			for range label {
				light = quarterTurn(light, 32)
			}
			for j, v := range light {
				e.Pixels[i*len(light)+j] += v
			}
		}
		return e
	}
	found := probed(t, "rotation", sky("train", 300), sky("test", 150))
	for _, cue := range []string{"corners", "border"} {
		if s := found[cue]; s.Accuracy < 0.4 || s.Chance < 0.4 || s.Suspicious() {
			t.Errorf("%v", s)
		}
	}
}

func TestChanceIsThatOfTheBestGuess(t *testing.T) {
	names := []string{"a", "b", "c"}
	set := func(labels ...int) Set {
		return Set{Dim: 1, Names: names, Labels: labels, Vectors: make([]float32, len(labels))}
	}
	s, err := ProbeShortcut("task", "nothing", set(0, 0, 0, 1, 2), set(0, 0, 0, 1))
	if err != nil || s.Chance != 0.75 || s.Accuracy != 0.75 || s.Suspicious() {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := ProbeShortcut("task", "nothing", set(0, 1), set()); err == nil {
		t.Error("nothing to ask about was accepted")
	}
}

func TestSuspicionNeedsMoreThanLuckAndATrifle(t *testing.T) {
	for _, c := range []struct {
		accuracy, chance float64
		n                int
		want             bool
	}{
		{0.25, 0.25, 1000, false},
		{0.30, 0.25, 1000, false},   // 3.7 deviations
		{0.30, 0.25, 100000, false}, // certain, and a trifle
		{0.32, 0.25, 1000, true},
		{0.40, 0.25, 50, false}, // few examples
		{0.98, 0.90, 1000, true},
		{1, 1, 1000, false},
	} {
		if s := (Shortcut{Accuracy: c.accuracy, Chance: c.chance, N: c.n}); s.Suspicious() != c.want {
			t.Errorf("%+v: %v", c, !c.want)
		}
	}
}

func TestBorderOfOnePatchReachesAllFourSides(t *testing.T) {
	for _, size := range []int{8, 20, 64} {
		for i := range size {
			for _, at := range [][2]int{{i, 0}, {0, i}, {size - 1, i}, {i, size - 1}} {
				black := make([]float32, size*size*3)
				dot := slices.Clone(black)
				dot[(at[1]*size+at[0])*3] = 1
				if seen := !slices.Equal(Border(black, size), Border(dot, size)); !seen && size%8 == 0 {
					t.Fatalf("size %d: pixel %v is not seen", size, at)
				}
			}
		}
		middle := make([]float32, size*size*3)
		middle[(size/2*size+size/2)*3] = 1
		if slices.ContainsFunc(Border(middle, size), func(v float32) bool { return v != 0 }) {
			t.Errorf("size %d: the middle is seen", size)
		}
	}
}

// beside is two patches of a picture, the second right, left, below or above the first with so much between them.
func beside(name string, n, gap int) Examples {
	const size = 16
	e := Examples{Patches: 2, Size: size, Classes: 4}
	for i := range n {
		w, label := newWorld(name, uint64(i)), seed.New(5).At(name).Rand(uint64(i)).IntN(4)
		dx, dy := [4]float64{1, -1, 0, 0}[label], [4]float64{0, 0, 1, -1}[label]
		e.Labels = append(e.Labels, label)
		e.Pixels = append(e.Pixels, w.crop(0, 0, size)...)
		e.Pixels = append(e.Pixels, w.crop(dx*float64(size+gap), dy*float64(size+gap), size)...)
	}
	return e
}

// Smooth pictures fit together across a small gap as well; only borders that touched fit better than what lies
// further in does.
func TestOfTwoPatchesOnlyBordersThatTouchedAreSuspicious(t *testing.T) {
	if s := probed(t, "context", beside("train", 600, 0), beside("test", 300, 0))["border"]; !s.Suspicious() || s.Accuracy < 0.8 {
		t.Errorf("touching: %v", s)
	}
	if s := probed(t, "context", beside("train", 600, 8), beside("test", 300, 8))["border"]; s.Suspicious() {
		t.Errorf("half a patch apart: %v", s)
	}
}
