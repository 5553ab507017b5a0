package pretext

import (
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

func mustInpaint(t *testing.T, size int, mask string) *Inpaint {
	t.Helper()
	p, err := NewInpaint(size, mask, seed.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCentreHoleIsHalfTheSideWithAVisibleRim(t *testing.T) {
	for _, size := range []int{32, 64, 96, 128} {
		p := mustInpaint(t, size, MaskCentre)
		view := noise(size, 1)
		input, weight := make([]float32, 3*size*size), make([]float32, size*size)
		p.Paint(input, weight, view.Pix, generator(1))
		rim, in := size/32, Picture{input, size}
		for y := range size {
			for x := range size {
				inside := min(x, y) - size/4 // how deep in the hole, px
				inside = min(inside, size/4+size/2-1-max(x, y))
				want := float32(0)
				if inside >= rim {
					want = 1
				} else if inside >= 0 {
					want = 10
				}
				if got := weight[y*size+x]; got != want {
					t.Fatalf("size %d: the weight at %d,%d is %v instead of %v", size, x, y, got, want)
				}
				if hidden := slices.Equal(in.at(x, y), fill[:]); hidden != (inside >= rim) || !hidden && !slices.Equal(in.at(x, y), view.at(x, y)) {
					t.Fatalf("size %d: pixel %d,%d is %v", size, x, y, in.at(x, y))
				}
			}
		}
	}
}

func TestRandomMasksHideAFifthToThreeTenths(t *testing.T) {
	for _, mask := range []string{MaskRegion, MaskBlocks} {
		for _, size := range []int{32, 64, 128} {
			p := mustInpaint(t, size, mask)
			view, r := noise(size, 2), generator(2)
			input, weight := make([]float32, 3*size*size), make([]float32, size*size)
			times := make([]int, size*size) // each pixel was hidden
			const n = 200
			for range n {
				p.Paint(input, weight, view.Pix, r)
				hidden := 0
				for i, w := range weight {
					switch {
					case w == 1 && slices.Equal(input[3*i:3*i+3], fill[:]):
						hidden++
						times[i]++
					case w != 0 || !slices.Equal(input[3*i:3*i+3], view.Pix[3*i:3*i+3]):
						t.Fatalf("%s, %d px: weight %v on pixel %d, which is %v", mask, size, w, i, input[3*i:3*i+3])
					}
				}
				if share := float64(hidden) / float64(size*size); share < 0.2 || share > 0.3 {
					t.Fatalf("%s, %d px: %v is hidden", mask, size, share)
				}
			}
			if always := slices.Max(times); always > n*6/10 {
				t.Errorf("%s, %d px: one pixel is hidden %d times of %d", mask, size, always, n)
			}
		}
	}
}

func TestPatternIsSmoothAndSeeded(t *testing.T) {
	a, b := newPattern(64, generator(3)), newPattern(64, generator(3))
	if !slices.Equal(a, b) {
		t.Error("the same seed made another pattern")
	}
	if slices.Equal(a, newPattern(64, generator(4))) {
		t.Error("another seed made the same pattern")
	}
	holes, edges := 0, 0
	for y := range patternSide {
		for x := range patternSide {
			if a[y*patternSide+x] {
				holes++
			}
			if a[y*patternSide+x] != a[y*patternSide+(x+1)%patternSide] {
				edges++
			}
		}
	}
	if share := float64(holes) / float64(len(a)); share < 0.15 || share > 0.3 {
		t.Errorf("%v of the pattern are holes", share)
	}
	if share := float64(edges) / float64(len(a)); share > 0.1 { // 0.375 if pixels were independent
		t.Errorf("%v of neighbours differ: the pattern is not smooth", share)
	}
}

func TestCubicPassesThroughItsNumbersAndKeepsLines(t *testing.T) {
	from := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	dst := make([]float32, 32)
	cubic(dst, from)
	for i := range 8 {
		if dst[4*i] != from[i] {
			t.Errorf("number %d became %v", i, dst[4*i])
		}
	}
	for i := 4; i <= 24; i++ { // away from where the period ends
		if want := 1 + float64(i)/4; !near(float64(dst[i]), want, 1e-6) {
			t.Errorf("place %d is %v instead of %v", i, dst[i], want)
		}
	}
}

func TestInpaintRefusesWhatItCannotPaint(t *testing.T) {
	if _, err := NewInpaint(64, "hole", seed.New(1)); err == nil || !strings.Contains(err.Error(), "mask must be") {
		t.Errorf("%v", err)
	}
	if _, err := NewInpaint(4, MaskCentre, seed.New(1)); err == nil || !strings.Contains(err.Error(), "must have 8") {
		t.Errorf("%v", err)
	}
}
