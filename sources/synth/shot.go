package synth

import (
	"math/rand/v2"

	"github.com/nearfar/nearfar/streams/frame"
)

// backdrop is what a camera sees of the room, unlit: it stays for a round, so it is traced once and only
// lit anew for each picture.
type backdrop struct {
	round uint64
	cells []cell // h·w
}

// cell is a pixel's surface.
type cell struct {
	far                   float32 // along the pixel's ray, m
	point, normal, colour [3]float32
}

// paint traces the room for a camera.
func paint(k *camera, m *room, round uint64) *backdrop {
	b := &backdrop{round, make([]cell, k.width*k.height)}
	for y := range k.height {
		for x := range k.width {
			way := k.ray(x, y)
			h := m.meet(k.at, way)
			for i := range m.clutter {
				if near, ok := m.clutter[i].meet(k.at, way, h.far); ok {
					h = near
				}
			}
			b.cells[y*k.width+x] = cell{float32(h.far), h.point.small(), h.normal.small(), h.colour.small()}
		}
	}
	return b
}

func (a vec) small() [3]float32 { return [3]float32{float32(a.x), float32(a.y), float32(a.z)} }
func (a vec) dot32(b [3]float32) float64 {
	return a.x*float64(b[0]) + a.y*float64(b[1]) + a.z*float64(b[2])
}

// shot is all that makes up one picture.
type shot struct {
	camera *camera
	behind *backdrop
	light  light
	things []placed // in the room besides the backdrop; the last one throws a shadow
}

// take renders the picture.
func (s *shot) take(g grain, r *rand.Rand) *frame.Frame {
	k := s.camera
	light := make([]float32, 3*k.width*k.height)
	depth := make([]float32, k.width*k.height)
	s.background(light, depth)
	for i := range s.things {
		s.thing(&s.things[i], light, depth)
	}
	f := &frame.Frame{Width: k.width, Height: k.height, Pix: make([]byte, len(light))}
	k.sensor.develop(f.Pix, light, k.width, g, r)
	return f
}

// background lights the backdrop, with the guest's soft shadow on it.
func (s *shot) background(light, depth []float32) {
	guest := &s.things[len(s.things)-1]
	inner, outer := 0.4*guest.radius*guest.radius, 1.2*guest.radius*guest.radius
	l := &s.light
	for i := range s.behind.cells {
		c := &s.behind.cells[i]
		depth[i] = c.far
		direct := l.toward.dot32(c.normal)
		if direct > 0 {
			to := vec{guest.at.x - float64(c.point[0]), guest.at.y - float64(c.point[1]), guest.at.z - float64(c.point[2])}
			if along := to.dot(l.toward); along > 0 {
				if off := to.dot(to) - along*along; off < outer {
					direct *= smooth(inner, outer, off)
				}
			}
		} else {
			direct = 0
		}
		fill := around(float64(c.normal[2]))
		light[3*i] = c.colour[0] * float32(l.key.x*direct+l.fill.x*fill)
		light[3*i+1] = c.colour[1] * float32(l.key.y*direct+l.fill.y*fill)
		light[3*i+2] = c.colour[2] * float32(l.key.z*direct+l.fill.z*fill)
	}
}

// thing draws one object over what is there, where it is nearer.
func (s *shot) thing(o *placed, light, depth []float32) {
	k := s.camera
	x0, y0, x1, y1 := k.rect(o.at, o.radius)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			i := y*k.width + x
			way := k.ray(x, y)
			h, ok := o.meet(k.at, way, float64(depth[i]))
			if !ok {
				continue
			}
			depth[i] = float32(h.far)
			seen := h.colour.times(s.light.lit(h.normal))
			if mirror := s.light.toward.sub(way).unit().dot(h.normal); mirror > 0 { // Blinn's highlight
				shine := mirror * mirror
				shine *= shine
				shine *= shine
				shine *= shine
				seen = seen.add(s.light.key.mul(0.12 * shine))
			}
			light[3*i], light[3*i+1], light[3*i+2] = float32(seen.x), float32(seen.y), float32(seen.z)
		}
	}
}
