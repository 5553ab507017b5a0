package eval

import "math"

// Cue is something in the patches of a pretext task that gives its answer away without the picture being
// understood. See shows one example (patches, size, size, 3) as a vector that holds nothing but the cue.
type Cue struct {
	Name    string
	Cure    string // what to change when the cue suffices
	See     func(patches []float32, size int) []float32
	Control func(patches []float32, size int) []float32 // what the cue has to beat; none, or empty, where that is a guess
}

// Cues are the shortcuts that pretext tasks are known to be solved by.
func Cues() []Cue {
	return []Cue{
		{"border", "leave a gap between patches and jitter them, or cut off what the borders of the frames add", Border, Inset},
		{"tile mean", "normalise every patch by its own mean and deviation", TileMean, nil},
		{"corners", "look whether a clock or a logo is burned in there, and cut it off the frames", Corners, Centre},
	}
}

// Border is what the outermost pixels show. Of one patch, how the colours along its border, averaged over an
// eighth of its side, differ from those an eighth further in. Of several, how well each pair of them fits
// together, in each of eight directions: the pixels of two borders that once touched are nearly the same, which
// is a matter of two patches at once and invisible to a linear classifier of the pixels.
func Border(patches []float32, size int) []float32 {
	if len(patches) == size*size*3 {
		return edge(patches, size, 0)
	}
	return pairwise(patches, size)
}

// pairwise is how well each pair of patches fits together.
func pairwise(patches []float32, size int) []float32 {
	pixels := size * size * 3
	var out []float32
	for i := 0; i < len(patches); i += pixels {
		for j := i + pixels; j < len(patches); j += pixels {
			out = append(out, fits(patches[i:i+pixels], patches[j:j+pixels], size)...)
		}
	}
	return out
}

// Inset is the same of what lies an eighth of the side further in, of one patch or two: where the border tells more
// than it, it holds something that the picture does not. Smooth pictures fit together across a gap, too, and so
// do two patches whose borders were cut off; borders that touched fit better than that. Of nine tiles so many
// pairs fit that either solves the puzzle: there a border has to be no better than a guess.
func Inset(patches []float32, size int) []float32 {
	switch len(patches) / (size * size * 3) {
	case 1:
		return edge(patches, size, size/8)
	case 2:
	default:
		return nil
	}
	margin := size / 8
	inner := size - 2*margin
	var cut []float32
	for pixels := size * size * 3; len(patches) > 0; patches = patches[pixels:] {
		for y := margin; y < size-margin; y++ {
			cut = append(cut, patches[(y*size+margin)*3:(y*size+size-margin)*3]...)
		}
	}
	return pairwise(cut, inner)
}

// edge is how the colours at a margin differ from those an eighth further in; a smooth change over the whole
// picture, such as a bright sky, is about the same at every margin.
func edge(patch []float32, size, margin int) []float32 {
	out := frameOf(patch, size, margin)
	for i, v := range frameOf(patch, size, margin+size/8) {
		out[i] -= v
	}
	return out
}

// frameOf is the mean colours of the blocks along the border of what is left without a margin.
func frameOf(patch []float32, size, margin int) []float32 {
	const blocks = 8
	side := size / blocks
	at := func(block int) int { return margin + block*(size-2*margin-side)/(blocks-1) } // the last one touches the far border
	var out []float32
	for by := range blocks {
		for bx := range blocks {
			if by == 0 || bx == 0 || by == blocks-1 || bx == blocks-1 {
				out = append(out, meanColour(patch, size, at(bx), at(by), side)...)
			}
		}
	}
	return out
}

// fits is how well b continues a: for each side of a the logarithm of the mean difference and the correlation
// along the two borders (which outlives a change of brightness), for each corner the former.
func fits(a, b []float32, size int) []float32 {
	last := size - 1
	at := func(x, y int) int { return (y*size + x) * 3 }
	var out []float32
	for _, line := range [4][4]int{ // where the border begins in a and in b
		{last, 0, 0, 0}, {0, 0, last, 0}, {0, last, 0, 0}, {0, 0, 0, last},
	} {
		dx, dy := 0, 1
		if line[0] == line[2] {
			dx, dy = 1, 0
		}
		p, q := make([]float64, 0, 3*size), make([]float64, 0, 3*size)
		for i := range size {
			for c := range 3 {
				p = append(p, float64(a[at(line[0]+i*dx, line[1]+i*dy)+c]))
				q = append(q, float64(b[at(line[2]+i*dx, line[3]+i*dy)+c]))
			}
		}
		out = append(out, apart(p, q), correlation(p, q))
	}
	for _, corner := range [4][4]int{{last, last, 0, 0}, {0, last, last, 0}, {last, 0, 0, last}, {0, 0, last, last}} {
		p, q := make([]float64, 3), make([]float64, 3)
		for c := range 3 {
			p[c], q[c] = float64(a[at(corner[0], corner[1])+c]), float64(b[at(corner[2], corner[3])+c])
		}
		out = append(out, apart(p, q))
	}
	return out
}

// apart is the logarithm of the mean difference, from about −4 for the same colours.
func apart(p, q []float64) float32 {
	sum := 0.0
	for i := range p {
		sum += math.Abs(p[i] - q[i])
	}
	return float32(math.Log(0.02 + sum/float64(len(p))))
}

// correlation is Pearson's; 0 where a border is of one colour.
func correlation(p, q []float64) float32 {
	n := float64(len(p))
	var meanP, meanQ, pp, qq, pq float64
	for i := range p {
		meanP += p[i] / n
		meanQ += q[i] / n
	}
	for i := range p {
		pp += (p[i] - meanP) * (p[i] - meanP)
		qq += (q[i] - meanQ) * (q[i] - meanQ)
		pq += (p[i] - meanP) * (q[i] - meanQ)
	}
	if pp < 1e-12 || qq < 1e-12 {
		return 0
	}
	return float32(pq / math.Sqrt(pp*qq))
}

// TileMean is the mean and the standard deviation of each channel of each patch: brightness and contrast fall
// off smoothly over a frame, and order patches that share nothing else.
func TileMean(patches []float32, size int) []float32 {
	pixels := size * size
	var out []float32
	for ; len(patches) > 0; patches = patches[3*pixels:] {
		for c := range 3 {
			var sum, square float64
			for i := range pixels {
				v := float64(patches[3*i+c])
				sum += v
				square += v * v
			}
			mean := sum / float64(pixels)
			out = append(out, float32(mean), float32(math.Sqrt(max(0, square/float64(pixels)-mean*mean))))
		}
	}
	return out
}

// Corners is the four corners of each patch, a quarter of the side wide, in 4×4 blocks each: where cameras
// burn in a clock, a name or a logo, which looks the same in every frame and tells which way is up. Each corner
// is shown without its own mean, so that a bright sky is no logo.
func Corners(patches []float32, size int) []float32 {
	quarter := size / 4
	return boxes(patches, size, [4][2]int{{0, 0}, {size - quarter, 0}, {0, size - quarter}, {size - quarter, size - quarter}})
}

// Centre is as much of the middle of each patch, in the same form: where the corners tell more than it, they
// hold something that the picture does not.
func Centre(patches []float32, size int) []float32 {
	quarter := size / 4
	return boxes(patches, size, [4][2]int{{quarter, quarter}, {2 * quarter, quarter}, {quarter, 2 * quarter}, {2 * quarter, 2 * quarter}})
}

// boxes is four boxes of a quarter of the side, by their upper left corners, in blocks, less the box's mean.
func boxes(patches []float32, size int, corners [4][2]int) []float32 {
	blocks := min(4, size/4)
	side := size / 4 / blocks
	pixels := size * size * 3
	var out []float32
	for ; len(patches) > 0; patches = patches[pixels:] {
		for _, corner := range corners {
			whole := meanColour(patches[:pixels], size, corner[0], corner[1], blocks*side)
			for by := range blocks {
				for bx := range blocks {
					for c, v := range meanColour(patches[:pixels], size, corner[0]+bx*side, corner[1]+by*side, side) {
						out = append(out, v-whole[c])
					}
				}
			}
		}
	}
	return out
}

// meanColour is the mean of each channel over a square.
func meanColour(patch []float32, size, x0, y0, side int) []float32 {
	var sum [3]float64
	for y := y0; y < y0+side; y++ {
		for x := x0; x < x0+side; x++ {
			for c := range sum {
				sum[c] += float64(patch[(y*size+x)*3+c])
			}
		}
	}
	area := float64(side * side)
	return []float32{float32(sum[0] / area), float32(sum[1] / area), float32(sum[2] / area)}
}
