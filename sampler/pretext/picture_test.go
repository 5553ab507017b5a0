package pretext

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// noise is a picture of which no two pixels are alike.
func noise(size int, s uint64) Picture {
	r := seed.New(s).Rand()
	p := Picture{make([]float32, 3*size*size), size}
	for i := range p.Pix {
		p.Pix[i] = float32(4*r.Float64() - 2)
	}
	return p
}

// coded is a picture whose pixels tell where they are: red is the column and green the row, from −1 to 1.
func coded(size int) Picture {
	p := Picture{make([]float32, 3*size*size), size}
	for y := range size {
		for x := range size {
			q := p.at(x, y)
			q[0], q[1], q[2] = code(float64(x), size), code(float64(y), size), 0.5
		}
	}
	return p
}

func code(x float64, size int) float32 { return float32(2*x/float64(size-1) - 1) }

// decode is where the middle of a tile of a coded picture was, px.
func decode(tile []float32, size int) (x, y float64) {
	mx, _ := moments(tile, 3)
	my, _ := moments(tile[1:], 3)
	return (mx + 1) / 2 * float64(size-1), (my + 1) / 2 * float64(size-1)
}

func generator(n uint64) *rand.Rand { return seed.New(n).Rand() }

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestCropKeepsPixelsWhereSidesAgree(t *testing.T) {
	p := noise(16, 1)
	dst := make([]float32, 3*5*5)
	p.Crop(dst, 5, 3, 7, 5)
	for v := range 5 {
		for u := range 5 {
			for c := range 3 {
				if got, want := dst[3*(v*5+u)+c], p.at(3+u, 7+v)[c]; got != want {
					t.Fatalf("pixel %d,%d is %v instead of %v", u, v, got, want)
				}
			}
		}
	}
}

func TestCropNeverReadsOutsideItsSquare(t *testing.T) {
	for _, side := range []int{1, 2, 5, 8} {
		for _, size := range []int{1, 2, 3, 5, 8, 12, 32} {
			p := noise(16, 2)
			a, b := make([]float32, 3*size*size), make([]float32, 3*size*size)
			p.Crop(a, size, 4, 3, side)
			for y := range 16 {
				for x := range 16 {
					if x < 4 || x >= 4+side || y < 3 || y >= 3+side {
						p.at(x, y)[0] = float32(math.NaN())
					}
				}
			}
			p.Crop(b, size, 4, 3, side)
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("%d px to %d px: number %d changed with what lies outside", side, size, i)
				}
			}
		}
	}
}

func TestCropKeepsConstantsAndCentres(t *testing.T) {
	p := coded(40)
	for _, side := range []int{1, 2, 7, 10, 24} {
		for _, size := range []int{1, 2, 3, 7, 10, 32} {
			dst := make([]float32, 3*size*size)
			p.Crop(dst, size, 9, 5, side)
			x, y := decode(dst, 40)
			if half := float64(side-1) / 2; !near(x, 9+half, 1e-3) || !near(y, 5+half, 1e-3) {
				t.Errorf("%d px to %d px: centre %v,%v instead of %v,%v", side, size, x, y, 9+half, 5+half)
			}
			for i := 2; i < len(dst); i += 3 {
				if !near(float64(dst[i]), 0.5, 1e-6) {
					t.Fatalf("%d px to %d px: the constant channel is %v", side, size, dst[i])
				}
			}
		}
	}
}

// slowCrop is linear interpolation written as its definition.
func slowCrop(p Picture, size, x, y, side, u, v, c int) float64 {
	place := func(k int) (int, int, float64) {
		s := min(max((float64(k)+0.5)*float64(side)/float64(size)-0.5, 0), float64(side-1))
		i := int(math.Floor(s))
		return i, min(i+1, side-1), s - float64(i)
	}
	i, j, s := place(u)
	k, l, w := place(v)
	f := func(a, b int) float64 { return float64(p.at(x+a, y+b)[c]) }
	return (1-w)*((1-s)*f(i, k)+s*f(j, k)) + w*((1-s)*f(i, l)+s*f(j, l))
}

func TestCropEnlargesLinearly(t *testing.T) {
	p := noise(20, 3)
	for _, side := range []int{1, 2, 3, 13} {
		const size = 17
		dst := make([]float32, 3*size*size)
		p.Crop(dst, size, 2, 6, side)
		for v := range size {
			for u := range size {
				for c := range 3 {
					got, want := float64(dst[3*(v*size+u)+c]), slowCrop(p, size, 2, 6, side, u, v, c)
					if !near(got, want, 1e-5) {
						t.Fatalf("side %d, pixel %d,%d: %v instead of %v", side, u, v, got, want)
					}
				}
			}
		}
	}
}
