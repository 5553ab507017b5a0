package pretext

import (
	"fmt"
	"math"
)

// Colour is the colourisation task of Zhang, Isola & Efros 2016 (arXiv:1603.08511): from the lightness of a
// picture (Gray) say the colour, as a distribution over 313 bins at each place of a grid×grid. Classes and
// not a mean, because the mean of the colours a thing may have is gray.
type Colour struct {
	neighbours int
	bins       []AB
}

// softSigma is the width of the Gaussian of the soft encoding, in units of a and b.
const softSigma = 5

// grayLimit is what no |a| or |b| of a gray picture exceeds.
const grayLimit = 5

// NewColour is the task with soft targets over the K nearest bins: 5 in the paper, 10 in the released code.
func NewColour(neighbours int) (*Colour, error) {
	if neighbours < 1 || neighbours > maxNeighbours {
		return nil, fmt.Errorf("encoding colours over %d bins: it must be 1 to %d, 5 in the paper", neighbours, maxNeighbours)
	}
	c := &Colour{neighbours, gamut()}
	if len(c.bins) != ColourBins {
		panic("pretext: the gamut does not have 313 bins")
	}
	return c, nil
}

const maxNeighbours = 16

// Neighbours is K, how many bins a target is spread over.
func (c *Colour) Neighbours() int { return c.neighbours }

// Bins are the colours of the classes. Do not change them.
func (c *Colour) Bins() []AB { return c.bins }

// Encode writes the targets of a view: per place of the grid the K nearest bins of its mean colour, nearest
// first, and their weights, which add up to 1; both are (grid, grid, K). The paper samples the colour where
// this takes the mean of what a place covers.
//
// A gray picture would teach that everything is gray, and cameras at night are gray: its weights are all
// 0, and coloured is false. As in the released code a picture is gray where no |a| or |b| exceeds 5;
// it is looked for in the means, which the grain of a camera does not colour.
func (c *Colour) Encode(view []float32, size, grid int, index []int32, weight []float32) (coloured bool) {
	places := blocks(size, grid)
	k := c.neighbours
	index, weight = index[:grid*grid*k], weight[:grid*grid*k]
	for at := range grid * grid {
		var a, b float64
		for y := at / grid * places; y < (at/grid+1)*places; y++ {
			for x := at % grid * places; x < (at%grid+1)*places; x++ {
				q := view[3*(y*size+x):][:3]
				_, pa, pb := Lab(q[0], q[1], q[2])
				a, b = a+float64(pa), b+float64(pb)
			}
		}
		n := float64(places * places)
		a, b = a/n, b/n
		coloured = coloured || math.Abs(a) > grayLimit || math.Abs(b) > grayLimit
		c.soft(AB{a, b}, index[at*k:(at+1)*k], weight[at*k:(at+1)*k])
	}
	if !coloured {
		clear(weight)
	}
	return coloured
}

// soft writes the nearest bins of a colour and their weights, those of a Gaussian.
func (c *Colour) soft(p AB, index []int32, weight []float32) {
	var distance [maxNeighbours]float64 // squared, ascending
	n := 0
	for i, q := range c.bins {
		d := (p.A-q.A)*(p.A-q.A) + (p.B-q.B)*(p.B-q.B)
		if n == len(index) && d >= distance[n-1] {
			continue
		}
		n = min(n+1, len(index))
		k := n - 1
		for ; k > 0 && distance[k-1] > d; k-- {
			distance[k], index[k] = distance[k-1], index[k-1]
		}
		distance[k], index[k] = d, int32(i)
	}
	var sum float64
	for k := range index {
		w := math.Exp((distance[0] - distance[k]) / (2 * softSigma * softSigma))
		weight[k], sum = float32(w), sum+w
	}
	for k := range weight {
		weight[k] = float32(float64(weight[k]) / sum)
	}
}

// annealing is T of the annealed mean: 1 is the mean, which is pale, and 0 the mode, which is blotchy.
const annealing = 0.38

// Decode paints the colours that logits (grid, grid, 313) say into dst, size×size×3: their annealed mean,
// the mean of softmax(z/T) with T = 0.38, laid linearly over the lightness of the view.
func (c *Colour) Decode(dst, logits, view []float32, size, grid int) {
	plane := Picture{make([]float32, 3*grid*grid), grid}
	for at := range grid * grid {
		p := c.annealedMean(logits[at*ColourBins : (at+1)*ColourBins])
		plane.Pix[3*at], plane.Pix[3*at+1] = float32(p.A), float32(p.B)
	}
	dst, view = dst[:3*size*size], view[:3*size*size]
	plane.Crop(dst, size, 0, 0, grid)
	for i := 0; i < len(dst); i += 3 {
		l := lightness(view[i], view[i+1], view[i+2])
		dst[i], dst[i+1], dst[i+2] = RGB(float32(l), dst[i], dst[i+1])
	}
}

func (c *Colour) annealedMean(logits []float32) (mean AB) {
	most := logits[0]
	for _, z := range logits {
		most = max(most, z)
	}
	var sum float64
	for i, z := range logits {
		w := math.Exp(float64(z-most) / annealing)
		sum += w
		mean.A += w * c.bins[i].A
		mean.B += w * c.bins[i].B
	}
	return AB{mean.A / sum, mean.B / sum}
}

// blocks is the side of what a place of the grid covers, px.
func blocks(size, grid int) int {
	if grid < 1 || size%grid != 0 {
		panic("pretext: the side of a view must be a multiple of the grid's")
	}
	return size / grid
}
