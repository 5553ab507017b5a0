package pretext

import (
	"slices"
	"testing"
)

func TestBorderLeavesTheRimAlone(t *testing.T) {
	for size := 1; size <= 9; size++ {
		for width := range size + 2 {
			p, was := noise(size, 1), noise(size, 1)
			Border(p.Pix, size, width)
			for y := range size {
				for x := range size {
					want := was.at(x, y)
					if deep := min(x, y, size-1-x, size-1-y); deep >= width {
						want = []float32{0, 0, 0}
					}
					if !slices.Equal(p.at(x, y), want) {
						t.Fatalf("size %d, width %d: pixel %d,%d is %v", size, width, x, y, p.at(x, y))
					}
				}
			}
		}
	}
}

func TestTileMeanIsNothingOfANormalisedTile(t *testing.T) {
	p := noise(8, 2)
	want := [3]float64{}
	for c := range want {
		want[c], _ = moments(p.Pix[c:], 3)
	}
	TileMean(p.Pix, 8)
	for i, x := range p.Pix {
		if !near(float64(x), want[i%3], 1e-6) {
			t.Fatalf("number %d is %v instead of %v", i, x, want[i%3])
		}
	}
	tiles := NewTiles(64, 8)
	view := noise(64, 3)
	tiles.cut(p.Pix, view, 0, 0, 3, false, generator(3))
	TileMean(p.Pix, 8)
	for _, x := range p.Pix {
		if !near(float64(x), 0, 1e-5) {
			t.Fatalf("a normalised tile has a mean of %v", x)
		}
	}
}

func TestPositionSaysWhereThePatchLies(t *testing.T) {
	p := Position{Size: 64, Tile: 8, Patch: 15}
	view, r, dst := coded(64), generator(4), make([]float32, 3*8*8)
	var least, most float32 = 1, 0
	for range 2000 {
		x, y := p.Paint(dst, view.Pix, r)
		u, v := decode(dst, 64)
		if !near(u-7, 49*float64(x), 1e-3) || !near(v-7, 49*float64(y), 1e-3) {
			t.Fatalf("the patch at %v, %v is said to lie at %v, %v", u-7, v-7, x, y)
		}
		least, most = min(least, x, y), max(most, x, y)
	}
	if least != 0 || most != 1 {
		t.Errorf("patches lie from %v to %v", least, most)
	}
}

func TestClockAnswersRotation(t *testing.T) {
	for _, size := range []int{16, 32, 64, 96, 128} {
		view := make([]float32, 3*size*size)
		ClockOnly(view, size)
		turned := make([]float32, len(view))
		for quarter := 1; quarter < Quarters; quarter++ {
			if Rotate(turned, view, size, quarter); slices.Equal(turned, view) {
				t.Errorf("size %d: quarter %d looks the same", size, quarter)
			}
		}
		drawn := 0
		p := Picture{view, size}
		for y := range size {
			for x := range size {
				if p.at(x, y)[0] != 0 {
					drawn++
					if x >= size*21/64+21 || y >= size*7/64+7 {
						t.Fatalf("size %d: the clock reaches %d,%d", size, x, y)
					}
				}
			}
		}
		if drawn == 0 {
			t.Errorf("size %d: there is no clock", size)
		}
		// On a picture it covers its block and leaves the rest.
		q, was := noise(size, 5), noise(size, 5)
		Clock(q.Pix, size)
		for i := range q.Pix {
			if covered := view[i] != 0; covered && q.Pix[i] != view[i] || !covered && q.Pix[i] != was.Pix[i] {
				t.Fatalf("size %d: number %d is %v", size, i, q.Pix[i])
			}
		}
	}
}
