package synth

import "math"

// A texture is solid: it fills space and the surface cuts through it, so that it turns with its object
// and needs no map. It says how much (0 to 1) of the second colour there is at a point of the object.
type texture func(p vec) float64

const blur = 0.05 // half the width of an edge, in object radii: about a pixel, so that edges do not flicker

func edge(x float64) float64 { return smooth(-blur, blur, x) }

// striped has bands across a slanted axis, so that no shape hides them by its symmetry.
func striped(p vec) float64 {
	return edge(0.22 * math.Sin(7.5*(0.80*p.x+0.36*p.y+0.48*p.z)))
}

// checked alternates in cells of 0.42.
func checked(p vec) float64 {
	const k = math.Pi / 0.42
	return edge(0.16 * math.Sin(k*p.x+0.6) * math.Sin(k*p.y+0.9) * math.Sin(k*p.z+0.7) * 2)
}

// dotted has a ball in each cell of a cubic lattice.
func dotted(p vec) float64 {
	const cell = 0.5
	x := p.x/cell - math.Floor(p.x/cell) - 0.5
	y := p.y/cell - math.Floor(p.y/cell) - 0.5
	z := p.z/cell - math.Floor(p.z/cell) - 0.5
	return edge(0.19 - cell*math.Sqrt(x*x+y*y+z*z))
}

// marbled has veins bent by waves.
func marbled(p vec) float64 {
	bend := 1.5*math.Sin(2.7*p.y+1) + 1.2*math.Sin(3.1*p.z+2*p.x)
	return smooth(-0.5, 0.7, math.Sin(3.2*p.x+1.7*p.z+bend))
}

// halved changes colour once, softly, from one end to the other.
func halved(p vec) float64 { return smooth(-0.25, 0.25, 0.6*p.x+0.2*p.y+0.77*p.z) }

// palette is the two colours of an object, linear red, green, blue.
type palette [2]vec

// Each palette belongs to several objects: colour alone does not name one.
var palettes = [...]palette{
	{{0.62, 0.05, 0.04}, {0.80, 0.72, 0.52}}, // red and cream
	{{0.05, 0.12, 0.52}, {0.78, 0.55, 0.05}}, // blue and yellow
	{{0.04, 0.30, 0.08}, {0.75, 0.75, 0.70}}, // green and white
	{{0.26, 0.05, 0.36}, {0.80, 0.28, 0.05}}, // violet and orange
}
