package pretext

import (
	"math"
	"math/rand/v2"
)

// pattern is a large random pattern of holes, made once: smooth noise below a threshold. Views take a
// piece of it anywhere; it is periodic, so every place will do. The released code of the context encoder
// makes one of 10,000² px for views of 128; here its side is 1024 px.
type pattern []bool // patternSide², row by row

const (
	patternSide = 1024
	// patternCell is the distance of two numbers of the noise as a share of the view: the released code
	// enlarges 600 numbers to 10,000 px for views of 128 px.
	patternCell = 10000. / 600 / 128
	// patternBelow of uniform noise is a hole where the noise itself is; between, it is smoother.
	patternBelow = 0.25
)

func newPattern(size int, r *rand.Rand) pattern {
	n := max(int(math.Round(patternSide/(patternCell*float64(size)))), 4)
	coarse := make([]float32, n*n)
	for i := range coarse {
		coarse[i] = r.Float32()
	}
	// First along the rows, then down the columns.
	wide, column, line := make([]float32, n*patternSide), make([]float32, n), make([]float32, patternSide)
	for y := range n {
		cubic(wide[y*patternSide:(y+1)*patternSide], coarse[y*n:(y+1)*n])
	}
	p := make(pattern, patternSide*patternSide)
	for x := range patternSide {
		for y := range n {
			column[y] = wide[y*patternSide+x]
		}
		cubic(line, column)
		for y, v := range line {
			p[y*patternSide+x] = v < patternBelow
		}
	}
	return p
}

// cubic enlarges a periodic row with Catmull and Rom's spline.
func cubic(dst, from []float32) {
	n := len(from)
	for i := range dst {
		c := float64(i) * float64(n) / float64(len(dst))
		k := int(c)
		t := float32(c - float64(k))
		a, b, d, e := from[(k+n-1)%n], from[k%n], from[(k+1)%n], from[(k+2)%n]
		dst[i] = b + t/2*(d-a+t*(2*a-5*b+4*d-e+t*(3*(b-d)+e-a)))
	}
}

// tries bounds the search for a piece with the right area; on average a few are enough.
const tries = 200

// cut gives the holes of a random piece the weight of what is hidden. A piece must hide 20 to 30 % of the view;
// should none of many do, the nearest to 25 % is taken.
func (p pattern) cut(weight []float32, size int, r *rand.Rand) {
	bestX, bestY, best := 0, 0, math.Inf(1)
	for range tries {
		x, y := r.IntN(patternSide), r.IntN(patternSide)
		share := float64(p.area(x, y, size)) / float64(size*size)
		if off := math.Abs(share - (leastHidden+mostHidden)/2); off < best {
			bestX, bestY, best = x, y, off
		}
		if best < (mostHidden-leastHidden)/2 {
			break
		}
	}
	for y := range size {
		row := p[(bestY+y)%patternSide*patternSide:][:patternSide]
		for x := range size {
			if row[(bestX+x)%patternSide] {
				weight[y*size+x] = weightHidden
			}
		}
	}
}

// area counts the holes of a piece.
func (p pattern) area(x, y, size int) (n int) {
	for v := range size {
		row := p[(y+v)%patternSide*patternSide:][:patternSide]
		for u := range size {
			if row[(x+u)%patternSide] {
				n++
			}
		}
	}
	return n
}
