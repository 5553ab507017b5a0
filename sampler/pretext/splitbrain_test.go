package pretext

import (
	"strings"
	"testing"
)

func TestLightnessBinsHaveEqualWidth(t *testing.T) {
	c := mustColour(t, 5)
	for _, bins := range []int{50, 100} {
		s, err := NewSplitBrain(c, bins)
		if err != nil {
			t.Fatal(err)
		}
		p := Picture{make([]float32, 3*8*8), 8}
		index := make([]int32, 4)
		for bin := range bins {
			// Half of each place a little darker than the middle of the bin, half a little lighter.
			middle := (float32(bin) + 0.5) * 100 / float32(bins)
			for i := range 64 {
				d := float32(0.2)
				if i%2 == 0 {
					d = -d
				}
				p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = RGB(middle+d, 0, 0)
			}
			s.Lightness(p.Pix, 8, 2, index)
			for at, got := range index {
				if got != int32(bin) {
					t.Fatalf("%d bins: L = %v at place %d is in bin %d instead of %d", bins, middle, at, got, bin)
				}
			}
		}
		for i := range p.Pix {
			p.Pix[i] = 3 // brighter than white
		}
		if s.Lightness(p.Pix, 8, 2, index); index[0] != int32(bins-1) {
			t.Errorf("%d bins: white is in bin %d", bins, index[0])
		}
	}
}

func TestLightnessIsOfEachPlaceInItsTurn(t *testing.T) {
	s, err := NewSplitBrain(mustColour(t, 5), 100)
	if err != nil {
		t.Fatal(err)
	}
	p := Picture{make([]float32, 3*9*9), 9}
	for y := range 9 {
		for x := range 9 {
			q := p.at(x, y)
			q[0], q[1], q[2] = RGB(float32(10*(3*(y/3)+x/3))+5.5, 0, 0)
		}
	}
	index := make([]int32, 9)
	s.Lightness(p.Pix, 9, 3, index)
	for at, got := range index {
		if want := int32(10*at + 5); got != want {
			t.Errorf("place %d is in bin %d instead of %d", at, got, want)
		}
	}
}

func TestTheTwoHalvesShareNothing(t *testing.T) {
	p, q := noise(8, 1), noise(8, 1)
	for i := 0; i < len(p.Pix); i += 3 { // the same colours, lighter
		p.Pix[i], p.Pix[i+1], p.Pix[i+2] = RGB(50, float32(i%20)-10, float32(i%14)-7)
		q.Pix[i], q.Pix[i+1], q.Pix[i+2] = RGB(70, float32(i%20)-10, float32(i%14)-7)
	}
	a, b := make([]float32, len(p.Pix)), make([]float32, len(p.Pix))
	Chroma(a, p.Pix, 8)
	Chroma(b, q.Pix, 8)
	for i := range a {
		if !near(float64(a[i]), float64(b[i]), 1e-4) {
			t.Fatalf("number %d of the colour tells the lightness: %v, %v", i, a[i], b[i])
		}
	}
	Gray(a, p.Pix, 8)
	for i := range a {
		if !near(float64(a[i]), float64(a[0]), 1e-4) {
			t.Fatalf("number %d of the lightness tells the colour: %v, %v", i, a[i], a[0])
		}
	}
}

func TestSplitBrainRefusesWhatItCannotDivide(t *testing.T) {
	if _, err := NewSplitBrain(mustColour(t, 5), 1); err == nil || !strings.Contains(err.Error(), "must be 2 to 1000") {
		t.Errorf("%v", err)
	}
}
