package sampler

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// slow renders a look the way it is defined, one operation after the other, in double precision.
func slow(f *frame.Frame, size int, l look) []float64 {
	out := make([]float64, size*size*3)
	at := func(x, y, c int) float64 { return float64(f.Pix[(y*f.Width+x)*3+c]) / 255 }
	for y := range size {
		for x := range size {
			// The inverse of flip, then shift: where does this pixel come from in the cut?
			cx, cy := x-l.dx, y-l.dy
			if l.wrap {
				cx, cy = (cx+size)%size, (cy+size)%size
			} else {
				cx, cy = reflect(cx, size), reflect(cy, size)
			}
			if l.flip {
				cx = size - 1 - cx
			}
			for c := range 3 {
				var sum, weights float64
				for sy := range f.Height {
					wy := tent(sy, f.Height, l.y, l.h, cy, size)
					if wy == 0 {
						continue
					}
					for sx := range f.Width {
						w := wy * tent(sx, f.Width, l.x, l.w, cx, size)
						sum, weights = sum+w*at(sx, sy, c), weights+w
					}
				}
				out[(y*size+x)*3+c] = sum / weights
			}
		}
	}
	slowColours(out, l)
	if l.sigma > 0 {
		out = slowBlur(out, size, l.sigma)
	}
	for i, v := range out {
		out[i] = (v-0.5)/0.25*l.gain + l.offset
	}
	return out
}

// tent is the weight of pixel p of side for pixel i of size that show the share start, start+length of it.
func tent(p, side int, start, length float64, i, size int) float64 {
	scale := length * float64(side) / float64(size)
	centre := start*float64(side) + (float64(i)+0.5)*scale - 0.5
	if scale <= 1 { // the border pixel stands for what lies outside
		centre = min(max(centre, 0), float64(side-1))
	}
	return max(0, 1-math.Abs(float64(p)-centre)/max(scale, 1))
}

func slowColours(v []float64, l look) {
	grey := func(p []float64) float64 { return 0.299*p[0] + 0.587*p[1] + 0.114*p[2] }
	each := func(fn func(p []float64)) {
		for i := 0; i < len(v); i += 3 {
			fn(v[i : i+3])
		}
	}
	for _, j := range l.order {
		if !l.jitter {
			break
		}
		switch j {
		case jitterBrightness:
			each(func(p []float64) { p[0], p[1], p[2] = p[0]*l.brightness, p[1]*l.brightness, p[2]*l.brightness })
		case jitterContrast:
			mean := 0.
			each(func(p []float64) { mean += grey(p) / float64(len(v)/3) })
			each(func(p []float64) {
				for c := range p {
					p[c] = mean + (p[c]-mean)*l.contrast
				}
			})
		case jitterSaturation:
			each(func(p []float64) {
				g := grey(p)
				for c := range p {
					p[c] = g + (p[c]-g)*l.saturation
				}
			})
		case jitterHue:
			sin, cos := math.Sincos(l.turn)
			each(func(p []float64) {
				y := grey(p)
				i := 0.59590059*p[0] - 0.27455667*p[1] - 0.32134392*p[2]
				q := 0.21153661*p[0] - 0.52273617*p[1] + 0.31119955*p[2]
				i, q = cos*i-sin*q, sin*i+cos*q
				for c := range p {
					p[c] = fromYIQ[c][0]*y + fromYIQ[c][1]*i + fromYIQ[c][2]*q
				}
			})
		}
	}
	if l.gray {
		each(func(p []float64) { g := grey(p); p[0], p[1], p[2] = g, g, g })
	}
}

func slowBlur(v []float64, size int, sigma float64) []float64 {
	out := make([]float64, len(v))
	r := int(math.Ceil(3 * sigma))
	for y := range size {
		for x := range size {
			for c := range 3 {
				var sum, weights float64
				for dy := -r; dy <= r; dy++ {
					for dx := -r; dx <= r; dx++ {
						w := math.Exp(-float64(dx*dx+dy*dy) / (2 * sigma * sigma))
						sum += w * v[(reflect(y+dy, size)*size+reflect(x+dx, size))*3+c]
						weights += w
					}
				}
				out[(y*size+x)*3+c] = sum / weights
			}
		}
	}
	return out
}

// compare fails where the renderer and its slow twin differ by more than a thousandth of a grey level's share.
func compare(t interface{ Fatalf(string, ...any) }, f *frame.Frame, size int, l look) {
	dst := make([]float32, size*size*3)
	var v renderer
	v.render(dst, f, size, &l)
	for i, want := range slow(f, size, l) {
		if got := float64(dst[i]); !(math.Abs(got-want) < 1e-3) {
			t.Fatalf("pixel %d,%d channel %d of %d px of %d×%d is %v, not %v, for %+v", i/3%size, i/3/size, i%3, size, f.Width, f.Height, got, want, l)
		}
	}
}

func TestRendererAgreesWithItsSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := MoCoV2()
		c.Gain, c.Offset, c.Shift = 0.3, 0.3, rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(t, "shift")
		c.Edge = rapid.SampledFrom([]string{EdgeWrap, EdgeReflect}).Draw(t, "edge")
		if rapid.Bool().Draw(t, "whole") {
			c.CropScale, c.CropRatio = [2]float64{1, 1}, [2]float64{1, 1}
		}
		size := rapid.SampledFrom([]int{8, 12}).Draw(t, "size")
		w, h := size, size
		if rapid.Bool().Draw(t, "other") {
			w, h = rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 40).Draw(t, "height")
		}
		root := rapid.Uint64().Draw(t, "seed")
		compare(t, picture(root, w, h), size, c.draw(seed.New(root).Rand(), size))
	})
}

// The reference rolls the normalised picture and scales it: shared/peers/stream_moco.py, augment.
func TestDefaultRecipeIsThatOfTheReference(t *testing.T) {
	f := picture(1, 64, 64)
	dst := make([]float32, 64*64*3)
	var v renderer
	c := DefaultAugment()
	r := seed.New(1).Rand()
	for range 20 {
		l := c.draw(r, 64)
		v.render(dst, f, 64, &l)
		for y := range 64 {
			for x := range 64 {
				for k := range 3 {
					p := float64(f.Pix[(y*64+x)*3+k])
					want := (p/255-0.5)/0.25*l.gain + l.offset
					got := dst[((y+l.dy+64)%64*64+(x+l.dx+64)%64)*3+k]
					if math.Abs(float64(got)-want) > 1e-5 {
						t.Fatalf("pixel %d,%d moved by %d,%d is %v, not %v", x, y, l.dx, l.dy, got, want)
					}
				}
			}
		}
	}
}

func TestPlainIsTheNormalisedPicture(t *testing.T) {
	f := picture(1, 16, 16)
	dst := make([]float32, 16*16*3)
	Plain(dst, f, 16)
	for i, p := range f.Pix {
		if want := (float64(p)/255 - 0.5) / 0.25; math.Abs(float64(dst[i])-want) > 1e-6 {
			t.Fatalf("number %d is %v, not %v", i, dst[i], want)
		}
	}
}

func TestPlainAveragesWhatItMakesSmaller(t *testing.T) {
	f := &frame.Frame{Width: 128, Height: 128, Pix: make([]byte, 3*128*128)}
	for i := range 128 * 128 {
		if (i%128+i/128)%2 == 0 { // a checkerboard is grey from afar
			f.Pix[3*i], f.Pix[3*i+1], f.Pix[3*i+2] = 255, 255, 255
		}
	}
	dst := make([]float32, 16*16*3)
	Plain(dst, f, 16)
	for i, x := range dst {
		if math.Abs(float64(x)) > 0.02 {
			t.Fatalf("number %d is %v, not grey", i, x)
		}
	}
}

func TestReflectionDoesNotRepeatTheEdge(t *testing.T) {
	want := []int{2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1}
	for i, w := range want {
		if got := reflect(i-4, 4); got != w {
			t.Errorf("pixel %d of 4 is pixel %d instead of %d", i-4, got, w)
		}
	}
	if got := reflect(-3, 1); got != 0 {
		t.Errorf("a single pixel is reflected to %d", got)
	}
}

func TestYIQIsThePublishedInverse(t *testing.T) {
	want := [3][3]float64{{1, 0.956, 0.619}, {1, -0.272, -0.647}, {1, -1.106, 1.703}} // FCC 1953, as commonly printed
	for i := range 3 {
		for j := range 3 {
			if math.Abs(fromYIQ[i][j]-want[i][j]) > 3e-3 {
				t.Errorf("%v at %d,%d instead of %v", fromYIQ[i][j], i, j, want[i][j])
			}
		}
	}
}

func TestHueLeavesGreyAndATurnLeavesAll(t *testing.T) {
	c := identity()
	c.turn(1)
	for i := range 3 {
		if sum := c.m[i][0] + c.m[i][1] + c.m[i][2]; math.Abs(sum-1) > 1e-6 {
			t.Errorf("grey becomes %v in channel %d", sum, i)
		}
	}
	c = identity()
	c.turn(math.Pi)
	c.turn(math.Pi)
	for i := range 3 {
		for j := range 3 {
			if math.Abs(c.m[i][j]-identity().m[i][j]) > 1e-9 {
				t.Errorf("a whole turn has %v at %d,%d", c.m[i][j], i, j)
			}
		}
	}
}

func TestViewsDoNotAllocate(t *testing.T) {
	f, dst := picture(1, 64, 64), make([]float32, 64*64*3)
	for name, c := range map[string]AugmentConfig{"default": DefaultAugment(), "MoCo v2": MoCoV2()} {
		var v renderer
		r := seed.New(1).Rand()
		view := func() {
			l := c.draw(r, 64)
			v.render(dst, f, 64, &l)
		}
		for range 50 {
			view()
		}
		if n := testing.AllocsPerRun(200, view); n > 0 {
			t.Errorf("%s: %v allocations per view", name, n)
		}
	}
}
