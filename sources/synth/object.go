package synth

import "math"

// object is what may stand on the stage or among the clutter.
type object struct {
	name    string
	shape   shape
	texture texture
	colours palette
}

const minObjects = 12 // fewer make a quiz that guessing does well in

// catalogue holds every object there is; the first n visit where n are asked for. Four palettes and five
// textures are shared out so that each pairing occurs once: neither alone names an object, both together do.
var catalogue = [...]object{
	{"striped-torus", torus, striped, palettes[0]},
	{"checked-cube", cube, checked, palettes[1]},
	{"dotted-sphere", sphere, dotted, palettes[2]},
	{"marbled-cylinder", cylinder, marbled, palettes[3]},
	{"checked-cone", cone, checked, palettes[0]},
	{"dotted-capsule", capsule, dotted, palettes[1]},
	{"marbled-dumbbell", dumbbell, marbled, palettes[2]},
	{"striped-jack", jack, striped, palettes[3]},
	{"dotted-mushroom", mushroom, dotted, palettes[0]},
	{"striped-mug", mug, striped, palettes[1]},
	{"checked-disc", disc, checked, palettes[2]},
	{"halved-slab", slab, halved, palettes[3]},
	{"marbled-arch", arch, marbled, palettes[0]},
	{"halved-pyramid", pyramid, halved, palettes[1]},
	{"striped-snowman", snowman, striped, palettes[2]},
	{"dotted-star", star, dotted, palettes[3]},
}

// placed is an object somewhere in the room.
type placed struct {
	*object
	at     vec     // its centre, m
	radius float64 // of the ball around it, m
	pose   turn
}

// hit is where a ray meets a surface.
type hit struct {
	far    float64 // along the ray, m
	point  vec
	normal vec
	colour vec // linear, unlit
}

// meet walks a ray (unit direction) to the object's surface, or says false.
func (o *placed) meet(from, way vec, upTo float64) (hit, bool) {
	near, far, ok := o.span(from, way)
	if !ok || far <= 0 || near >= upTo {
		return hit{}, false
	}
	scale := 1 / o.radius
	p, d := o.pose.into(from.sub(o.at)).mul(scale), o.pose.into(way)
	t, end := max(near, 0)*scale, far*scale
	for range 48 {
		q := p.add(d.mul(t))
		step := o.shape(q)
		if step < 0.003 {
			if t*o.radius >= upTo {
				return hit{}, false
			}
			colour := o.colours[0].mix(o.colours[1], o.texture(q))
			point := from.add(way.mul(t * o.radius))
			return hit{t * o.radius, point, o.pose.out(o.shape.normal(q)), colour}, true
		}
		if t += step; t > end {
			break
		}
	}
	return hit{}, false
}

// span is where a ray enters and leaves the ball around the object.
func (o *placed) span(from, way vec) (near, far float64, ok bool) {
	c := o.at.sub(from)
	along := c.dot(way)
	off := along*along - c.dot(c) + o.radius*o.radius
	if off < 0 {
		return 0, 0, false
	}
	half := math.Sqrt(off)
	return along - half, along + half, true
}
