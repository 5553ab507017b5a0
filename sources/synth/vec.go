package synth

import (
	"math"
	"math/rand/v2"
)

// vec is a point or direction in metres; x and y lie in the floor, z points up. It holds colours, too:
// linear red, green, blue.
type vec struct{ x, y, z float64 }

func (a vec) add(b vec) vec            { return vec{a.x + b.x, a.y + b.y, a.z + b.z} }
func (a vec) sub(b vec) vec            { return vec{a.x - b.x, a.y - b.y, a.z - b.z} }
func (a vec) mul(s float64) vec        { return vec{a.x * s, a.y * s, a.z * s} }
func (a vec) times(b vec) vec          { return vec{a.x * b.x, a.y * b.y, a.z * b.z} }
func (a vec) dot(b vec) float64        { return a.x*b.x + a.y*b.y + a.z*b.z }
func (a vec) length() float64          { return math.Sqrt(a.dot(a)) }
func (a vec) unit() vec                { return a.mul(1 / a.length()) }
func (a vec) mix(b vec, t float64) vec { return a.add(b.sub(a).mul(t)) }

func (a vec) cross(b vec) vec {
	return vec{a.y*b.z - a.z*b.y, a.z*b.x - a.x*b.z, a.x*b.y - a.y*b.x}
}

// turn is a rotation, its rows the turned axes seen from outside.
type turn [3]vec

// into takes a world direction into the turned frame; out takes it back.
func (r turn) into(v vec) vec { return vec{r[0].dot(v), r[1].dot(v), r[2].dot(v)} }
func (r turn) out(v vec) vec {
	return r[0].mul(v.x).add(r[1].mul(v.y)).add(r[2].mul(v.z))
}

// about turns by angle (radians) around a unit axis (Rodrigues' formula), then by r.
func (r turn) about(axis vec, angle float64) turn {
	s, c := math.Sincos(angle)
	spin := func(v vec) vec {
		return v.mul(c).add(axis.cross(v).mul(s)).add(axis.mul(axis.dot(v) * (1 - c)))
	}
	return turn{spin(r[0]), spin(r[1]), spin(r[2])}
}

// anyTurn is uniform over all rotations (Shoemake 1992, from a uniform unit quaternion).
func anyTurn(r *rand.Rand) turn {
	u, a, b := r.Float64(), 2*math.Pi*r.Float64(), 2*math.Pi*r.Float64()
	x, y := math.Sqrt(1-u)*math.Sin(a), math.Sqrt(1-u)*math.Cos(a)
	z, w := math.Sqrt(u)*math.Sin(b), math.Sqrt(u)*math.Cos(b)
	return turn{
		{1 - 2*(y*y+z*z), 2 * (x*y - z*w), 2 * (x*z + y*w)},
		{2 * (x*y + z*w), 1 - 2*(x*x+z*z), 2 * (y*z - x*w)},
		{2 * (x*z - y*w), 2 * (y*z + x*w), 1 - 2*(x*x+y*y)},
	}
}

// anyAxis is uniform over the directions.
func anyAxis(r *rand.Rand) vec {
	z, a := 2*r.Float64()-1, 2*math.Pi*r.Float64()
	s := math.Sqrt(1 - z*z)
	return vec{s * math.Cos(a), s * math.Sin(a), z}
}

// between is uniform in [low, high).
func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// smooth is the cubic step from 0 at low to 1 at high.
func smooth(low, high, x float64) float64 {
	t := min(1, max(0, (x-low)/(high-low)))
	return t * t * (3 - 2*t)
}
