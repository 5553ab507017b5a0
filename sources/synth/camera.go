package synth

import (
	"math"
	"math/rand/v2"
)

// camera is one calibrated camera: where it stands, how it looks, and how its sensor answers to light.
type camera struct {
	at                 vec     // m
	right, down, ahead vec     // unit axes
	focal              float64 // px
	width, height      int
	sensor             sensor
}

// stage is where objects visit: the point cameras aim at.
var stage = vec{0, 0, 0.9}

// rig places n cameras on an arc of 160° around the stage, so that two neighbours of three stand 80°
// apart, each a little off the regular place.
func rig(c Config, r *rand.Rand) []camera {
	cams := make([]camera, c.Cameras)
	for i := range cams {
		azimuth := between(r, -0.1, 0.1)
		if c.Cameras > 1 {
			azimuth += (float64(i)/float64(c.Cameras-1) - 0.5) * 160 * math.Pi / 180
		}
		cams[i] = stand(c, r, azimuth, between(r, 1.3, 2.6))
	}
	return cams
}

// stand is a camera at an azimuth (radians) and height (m), aimed at the stage by a not very steady hand.
func stand(c Config, r *rand.Rand, azimuth, height float64) camera {
	far := between(r, 4.0, 4.6)
	k := camera{at: vec{far * math.Cos(azimuth), far * math.Sin(azimuth), height}, width: c.Width, height: c.Height}
	aim := stage.add(vec{between(r, -0.12, 0.12), between(r, -0.12, 0.12), between(r, -0.12, 0.12)})
	k.ahead = aim.sub(k.at).unit()
	right := k.ahead.cross(vec{0, 0, 1}).unit()
	down := k.ahead.cross(right)
	s, co := math.Sincos(between(r, -0.06, 0.06)) // roll
	k.right = right.mul(co).add(down.mul(s))
	k.down = down.mul(co).sub(right.mul(s))
	k.focal = float64(min(c.Width, c.Height)) / 2 / math.Tan(between(r, 34, 38)/2*math.Pi/180)
	k.sensor = anySensor(r, c.Noise)
	return k
}

// ray is the unit direction through the middle of a pixel.
func (k *camera) ray(x, y int) vec {
	u := (float64(x) + 0.5 - float64(k.width)/2) / k.focal
	v := (float64(y) + 0.5 - float64(k.height)/2) / k.focal
	return k.ahead.add(k.right.mul(u)).add(k.down.mul(v)).unit()
}

// project is where a point lands, px, and how far ahead it lies, m; behind the camera far is not positive.
func (k *camera) project(p vec) (x, y, far float64) {
	d := p.sub(k.at)
	far = d.dot(k.ahead)
	return d.dot(k.right)/far*k.focal + float64(k.width)/2, d.dot(k.down)/far*k.focal + float64(k.height)/2, far
}

// rect is the smallest pixel rectangle that holds the picture of a ball; empty where there is none.
func (k *camera) rect(centre vec, radius float64) (x0, y0, x1, y1 int) {
	d := centre.sub(k.at)
	far := d.dot(k.ahead)
	if far <= radius {
		return 0, 0, 0, 0
	}
	x0, x1 = k.extent(d.dot(k.right), far, radius, k.width)
	y0, y1 = k.extent(d.dot(k.down), far, radius, k.height)
	return x0, y0, x1, y1
}

// extent is the two tangents from the pinhole to a circle, as pixels [low, high) along one axis.
func (k *camera) extent(side, far, radius float64, pixels int) (low, high int) {
	middle := math.Atan2(side, far)
	half := math.Asin(min(1, radius/math.Hypot(side, far)))
	a, b := max(middle-half, -1.5), min(middle+half, 1.5)
	low = int(math.Floor(k.focal*math.Tan(a) + float64(pixels)/2))
	high = int(math.Ceil(k.focal*math.Tan(b) + float64(pixels)/2))
	return max(low, 0), min(high, pixels)
}
