package synth

import "math"

// A shape is a signed distance to a surface around the origin: negative inside, never more than the true
// distance outside, so that a ray may walk that far (sphere tracing, Hart 1996). Shapes fit a ball of
// radius 1.
type shape func(p vec) float64

func sphere(p vec) float64 { return p.length() - 0.86 }

func cube(p vec) float64 { return box(p, 0.55, 0.55, 0.55) - 0.02 }

func slab(p vec) float64 { return box(p, 0.74, 0.52, 0.24) - 0.02 }

func cylinder(p vec) float64 { return rod(p, 0.5, 0.76) }

func capsule(p vec) float64 { return segment(p, 0.52) - 0.44 }

func torus(p vec) float64 { return ring(p, 0.66, 0.3) }

func disc(p vec) float64 { return rod(p, 0.88, 0.2) }

// cone stands on z = -0.68; its tip is at z = 0.9 and its radius grows by 0.45 per unit of depth.
func cone(p vec) float64 {
	const sin, cos = 0.410365, 0.911922 // of the angle whose tangent is 0.45
	side := cos*math.Hypot(p.x, p.y) + sin*(p.z-0.9)
	return max(side, -0.68-p.z)
}

// pyramid is the cone's four-sided sister.
func pyramid(p vec) float64 {
	const sin, cos = 0.371391, 0.928477 // of the angle whose tangent is 0.4
	side := cos*max(math.Abs(p.x), math.Abs(p.y)) + sin*(p.z-0.85)
	return max(side, -0.55-p.z)
}

func dumbbell(p vec) float64 {
	ball := vec{p.x, p.y, math.Abs(p.z) - 0.56}.length() - 0.42
	return min(ball, segment(p, 0.5)-0.16)
}

// jack is three crossed bars, as in the children's game.
func jack(p vec) float64 {
	bars := min(segment(p, 0.74), segment(vec{p.y, p.z, p.x}, 0.74), segment(vec{p.z, p.x, p.y}, 0.74))
	return bars - 0.22
}

// mushroom is half a ball on a stem.
func mushroom(p vec) float64 {
	dome := max(vec{p.x, p.y, p.z - 0.05}.length()-0.8, 0.05-p.z)
	return min(dome, rod(vec{p.x, p.y, p.z + 0.35}, 0.27, 0.5))
}

// mug is hollow and has a handle.
func mug(p vec) float64 {
	q := vec{p.x + 0.14, p.y, p.z}
	cup := max(rod(q, 0.54, 0.66), -rod(vec{q.x, q.y, q.z - 0.3}, 0.42, 0.8))
	handle := max(ring(vec{p.x - 0.44, p.z, p.y}, 0.34, 0.1), 0.36-p.x)
	return min(cup, handle)
}

// arch is a block with a round gate.
func arch(p vec) float64 {
	gate := math.Hypot(p.x, p.z+0.3) - 0.42
	return max(box(p, 0.76, 0.32, 0.56), -gate)
}

// snowman is a small ball on a big one.
func snowman(p vec) float64 {
	return min(vec{p.x, p.y, p.z + 0.3}.length()-0.66, vec{p.x, p.y, p.z - 0.52}.length()-0.42)
}

// star is a plate with four points.
func star(p vec) float64 {
	x, y := math.Abs(p.x), math.Abs(p.y)
	long, short := max(x, y), min(x, y)
	side := 0.32*long + 0.947*short - 0.28
	return max(side, math.Abs(p.z)-0.26)
}

// box is exact outside; a, b, c are half its sides.
func box(p vec, a, b, c float64) float64 {
	x, y, z := math.Abs(p.x)-a, math.Abs(p.y)-b, math.Abs(p.z)-c
	inside := min(0, max(x, y, z))
	x, y, z = max(x, 0), max(y, 0), max(z, 0)
	return math.Sqrt(x*x+y*y+z*z) + inside
}

// rod is an upright cylinder of radius r from -h to h.
func rod(p vec, r, h float64) float64 {
	side, end := math.Sqrt(p.x*p.x+p.y*p.y)-r, math.Abs(p.z)-h
	inside := min(0, max(side, end))
	side, end = max(side, 0), max(end, 0)
	return math.Sqrt(side*side+end*end) + inside
}

// ring lies in the xy plane, R its radius, r that of its tube.
func ring(p vec, R, r float64) float64 {
	side := math.Sqrt(p.x*p.x+p.y*p.y) - R
	return math.Sqrt(side*side+p.z*p.z) - r
}

// segment is the distance to the line from -h to h on the z axis.
func segment(p vec, h float64) float64 {
	z := p.z - min(h, max(-h, p.z))
	return math.Sqrt(p.x*p.x + p.y*p.y + z*z)
}

// normal is the gradient of the distance by four samples at the corners of a tetrahedron.
func (s shape) normal(p vec) vec {
	const e = 0.004
	a := s(vec{p.x + e, p.y - e, p.z - e})
	b := s(vec{p.x - e, p.y - e, p.z + e})
	c := s(vec{p.x - e, p.y + e, p.z - e})
	d := s(vec{p.x + e, p.y + e, p.z + e})
	return vec{a - b - c + d, -a - b + c + d, -a + b - c + d}.unit()
}
