package pretext

import (
	"fmt"
	"math/rand/v2"

	"github.com/nearfar/nearfar/internal/seed"
)

// The masks of the inpainting task.
const (
	MaskCentre = "centre" // a square of half the side in the middle
	MaskRegion = "region" // cut from a random pattern: nothing about its outline can be learned
	MaskBlocks = "blocks" // random overlapping rectangles
)

// Inpaint is the context encoder's task (Pathak et al. 2016, arXiv:1604.07379): fill the hole of a picture.
// The target is the view itself; the loss is taken with the weights that Paint writes, so it covers the hole
// and nothing else. Weights are as in the released code (pathak22/context-encoder): 1 where the picture
// is hidden and, with the centre mask, 10 on a rim of the hole that stays visible, so that the filling fits.
//
// One mask is drawn per picture; the released code draws one per batch.
type Inpaint struct {
	Size    int     // side of the view, px
	Mask    string  // centre, region or blocks
	Overlap int     // width of the centre mask's visible rim, px; 4 px of 128 in the released code
	pattern pattern // of the region mask
}

// The weights of the loss.
const (
	weightHidden = 1
	weightRim    = 10
)

// fill is the mean colour of ImageNet, RGB (123, 117, 104). The released code fills with (117, 104, 123) in
// the order of its channels, which is neither RGB nor BGR; the mean is what was meant, and it is no colour
// of its own that would mark the hole.
var fill = [3]float32{level(123), level(117), level(104)}

// NewInpaint is the task for views of size px. The seed makes the pattern that regions are cut from.
func NewInpaint(size int, mask string, s seed.Seed) (*Inpaint, error) {
	if size < 8 || size > maxSide {
		return nil, fmt.Errorf("painting holes into views of %d px: they must have 8 to %d px", size, maxSide)
	}
	p := &Inpaint{Size: size, Mask: mask}
	switch mask {
	case MaskCentre:
		p.Overlap = size / 32
	case MaskRegion:
		p.pattern = newPattern(size, s.At("pattern").Rand())
	case MaskBlocks:
	default:
		return nil, fmt.Errorf("painting holes: mask must be centre, region or blocks, not %q", mask)
	}
	return p, nil
}

// Paint writes the view with its hole filled, Size×Size×3, and the weights of the loss, Size×Size.
func (p *Inpaint) Paint(input, weight, view []float32, r *rand.Rand) {
	n := p.Size * p.Size
	input, weight, view = input[:3*n], weight[:n], view[:3*n]
	clear(weight)
	switch p.Mask {
	case MaskCentre:
		p.centre(weight)
	case MaskRegion:
		p.pattern.cut(weight, p.Size, r)
	case MaskBlocks:
		p.blocks(weight, r)
	}
	copy(input, view)
	for i, w := range weight {
		if w == weightHidden {
			copy(input[3*i:3*i+3], fill[:])
		}
	}
}

// centre is the square from a quarter to three quarters; a rim within it stays visible.
func (p *Inpaint) centre(weight []float32) {
	from := p.Size / 4
	to := from + p.Size/2
	rectangle(weight, p.Size, from, from, to, to, weightRim)
	from, to = from+p.Overlap, to-p.Overlap
	rectangle(weight, p.Size, from, from, to, to, weightHidden)
}

// The share of a view that random masks hide, as in the released code; the paper says "up to a quarter".
const (
	leastHidden = 0.20
	mostHidden  = 0.30
)

// blocks lays rectangles with sides of an eighth to a quarter of the view until enough is hidden: one
// block is a sixteenth at most, so never more than 0.27.
func (p *Inpaint) blocks(weight []float32, r *rand.Rand) {
	side := func() int { return p.Size/8 + r.IntN(p.Size/4-p.Size/8+1) }
	for hidden := 0; float64(hidden) < leastHidden*float64(len(weight)); {
		w, h := side(), side()
		x, y := r.IntN(p.Size-w+1), r.IntN(p.Size-h+1)
		hidden += rectangle(weight, p.Size, x, y, x+w, y+h, weightHidden)
	}
}

// rectangle gives its pixels a weight and counts those that had none.
func rectangle(weight []float32, size, x0, y0, x1, y1 int, w float32) (fresh int) {
	for y := y0; y < y1; y++ {
		row := weight[y*size+x0 : y*size+x1]
		for x := range row {
			if row[x] == 0 {
				fresh++
			}
			row[x] = w
		}
	}
	return fresh
}
