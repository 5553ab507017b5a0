package sampler

import (
	"math"
	"math/rand/v2"
)

// look is what one view drew: all numbers, no pixels.
type look struct {
	x, y, w, h float64 // cut, as shares of the picture's width and height
	flip       bool
	dx, dy     int // shift, px of the view
	wrap       bool

	order                                  [4]jitter
	brightness, contrast, saturation, turn float64 // factors; turn in radians
	jitter, gray                           bool
	gain, offset                           float64
	sigma                                  float64 // 0: no blur
}

// jitter names a colour operation.
type jitter uint8

const (
	jitterBrightness jitter = iota
	jitterContrast
	jitterSaturation
	jitterHue
)

// plain is the look that changes nothing.
func plain() look { return look{w: 1, h: 1, gain: 1} }

// draw draws a look for a view of size px.
func (c *AugmentConfig) draw(r *rand.Rand, size int) look {
	l := plain()
	l.crop(c, r)
	l.flip = chance(r, c.Flip)
	if most := int(math.Round(c.Shift * float64(size))); most > 0 {
		l.dx, l.dy = r.IntN(2*most+1)-most, r.IntN(2*most+1)-most
		l.wrap = c.Edge == EdgeWrap
	}
	l.gain, l.offset = around(r, 1, c.Gain), around(r, 0, c.Offset)
	if l.jitter = chance(r, c.JitterP); l.jitter {
		l.order = [4]jitter{jitterBrightness, jitterContrast, jitterSaturation, jitterHue}
		r.Shuffle(4, func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })
		l.brightness, l.contrast = around(r, 1, c.Jitter.Brightness), around(r, 1, c.Jitter.Contrast)
		l.saturation, l.turn = around(r, 1, c.Jitter.Saturation), around(r, 0, 2*math.Pi*c.Jitter.Hue)
	}
	l.gray = chance(r, c.Gray)
	if chance(r, c.Blur) {
		l.sigma = c.BlurSigma[0] + r.Float64()*(c.BlurSigma[1]-c.BlurSigma[0])
	}
	return l
}

// crop draws the cut of "Inception" cropping (Szegedy et al. 2014, arXiv:1409.4842): area uniform, shape
// log-uniform, ten tries; then the largest cut of the last shape that fits.
func (l *look) crop(c *AugmentConfig, r *rand.Rand) {
	if c.CropScale == [2]float64{1, 1} && c.CropRatio == [2]float64{1, 1} {
		return
	}
	lo, hi := math.Log(c.CropRatio[0]), math.Log(c.CropRatio[1])
	for range 10 {
		area := c.CropScale[0] + r.Float64()*(c.CropScale[1]-c.CropScale[0])
		ratio := math.Exp(lo + r.Float64()*(hi-lo))
		if l.w, l.h = math.Sqrt(area*ratio), math.Sqrt(area/ratio); l.w <= 1 && l.h <= 1 {
			break
		}
	}
	most := max(l.w, l.h, 1)
	l.w, l.h = l.w/most, l.h/most
	l.x, l.y = r.Float64()*(1-l.w), r.Float64()*(1-l.h)
}

// chance is true with probability p. It draws whatever p is, so that changing one setting leaves the
// numbers of the others alone.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// around is uniform in middle ± spread.
func around(r *rand.Rand, middle, spread float64) float64 {
	return middle + spread*(2*r.Float64()-1)
}
