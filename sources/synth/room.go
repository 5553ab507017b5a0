package synth

import (
	"math"
	"math/rand/v2"

	"github.com/nearfar/nearfar/internal/seed"
)

// room is what stands behind the stage: a floor, four walls, and clutter that is dealt anew each round.
// It changes with the round and not with the visit, so that the background never tells two visits apart.
type room struct {
	floor, walls cover
	clutter      []placed
}

// cover is the texture of a plane: two colours in a pattern of a certain size.
type cover struct {
	colours palette
	size    float64 // m
	kind    int
}

const (
	half      = 6.0 // of the room's side, m; the stage is in the middle
	pieces    = 9   // of clutter
	movers    = 2   // pieces of clutter that wander
	covers    = 3
	sightline = 0.5 // no clutter in front of the stage nearer to a camera's line of sight than this, radians
)

// furnish deals floor, walls and clutter such that no camera's view of the stage is blocked.
func furnish(r *rand.Rand, cams []camera) room {
	m := room{floor: anyCover(r), walls: anyCover(r)}
	for tries := 0; len(m.clutter) < pieces && tries < 400; tries++ {
		p := anyPiece(r)
		if !blocks(p.at, cams) {
			m.clutter = append(m.clutter, p)
		}
	}
	return m
}

// anyPiece is any shape in any texture and colours: clutter looks like the objects but is none of them.
func anyPiece(r *rand.Rand) placed {
	paint := object{
		shape:   catalogue[r.IntN(len(catalogue))].shape,
		texture: catalogue[r.IntN(len(catalogue))].texture,
		colours: palette{palettes[r.IntN(len(palettes))][r.IntN(2)].mul(0.7), anyGrey(r)},
	}
	size := between(r, 0.25, 0.5)
	a, far := between(r, 0, 2*math.Pi), between(r, 2, half-0.6)
	at := vec{far * math.Cos(a), far * math.Sin(a), size + r.Float64()*r.Float64()*1.5}
	return placed{object: &paint, at: at, radius: size, pose: anyTurn(r)}
}

func anyGrey(r *rand.Rand) vec {
	g := between(r, 0.1, 0.5)
	return vec{g * between(r, 0.85, 1.15), g, g * between(r, 0.85, 1.15)}
}

func anyCover(r *rand.Rand) cover {
	a := anyGrey(r)
	return cover{palette{a, a.mul(between(r, 0.55, 0.8))}, between(r, 0.35, 0.9), r.IntN(covers)}
}

// blocks says whether something there would stand between a camera and the stage, or in its face.
func blocks(at vec, cams []camera) bool {
	for _, k := range cams {
		way, line := at.sub(k.at), stage.sub(k.at)
		if way.length() < 1.5 {
			return true
		}
		if near := way.dot(line) / line.length(); near < line.length() && near > way.length()*math.Cos(sightline) {
			return true
		}
	}
	return false
}

// meet is where a ray from inside the room meets floor or wall.
func (m *room) meet(from, way vec) hit {
	h := hit{far: math.Inf(1)}
	plane := func(along, speed, at float64, normal vec) {
		if t := (at - along) / speed; t > 0 && t < h.far {
			h.far, h.normal = t, normal
		}
	}
	plane(from.z, way.z, 0, vec{0, 0, 1})
	plane(from.x, way.x, math.Copysign(half, way.x), vec{-math.Copysign(1, way.x), 0, 0})
	plane(from.y, way.y, math.Copysign(half, way.y), vec{0, -math.Copysign(1, way.y), 0})
	h.point = from.add(way.mul(h.far))
	switch {
	case h.normal.z > 0:
		h.colour = m.floor.colour(h.point.x, h.point.y)
	case h.normal.x != 0:
		h.colour = m.walls.colour(h.point.y, h.point.z)
	default:
		h.colour = m.walls.colour(h.point.x, h.point.z)
	}
	return h
}

// colour is the pattern at u, v metres: boards, tiles or cloth.
func (c *cover) colour(u, v float64) vec {
	u, v = u/c.size, v/c.size
	mix := 0.0
	switch c.kind {
	case 0: // boards, each of its own shade, with dark joints
		board := math.Floor(u)
		mix = 0.5 + 0.5*math.Sin(board*12.9898)
		mix = max(mix*0.7, 1-smooth(0, 0.06, u-board))
	case 1: // tiles
		mix = edge(0.3 * math.Sin(math.Pi*u) * math.Sin(math.Pi*v))
	default: // cloth
		mix = 0.5 + 0.25*math.Sin(5*u+2*math.Sin(3*v)) + 0.25*math.Sin(7*v+1.5*math.Sin(2*u))
	}
	return c.colours[0].mix(c.colours[1], mix)
}

// wanderers are pieces of clutter that move to and fro along the far wall all the time.
func wanderers(s seed.Seed, t float64, cams []camera) []placed {
	var out []placed
	for i := range uint64(movers) {
		r := s.Rand(i)
		p := anyPiece(r)
		a := math.Pi + 1.1*math.Sin(t*between(r, 0.25, 0.6)+between(r, 0, 2*math.Pi))
		far := between(r, 2.6, 4.5)
		p.at = vec{far * math.Cos(a), far * math.Sin(a), between(r, 0.5, 1.8)}
		p.pose = p.pose.about(anyAxis(r), t*between(r, 0.3, 1))
		if !blocks(p.at, cams) {
			out = append(out, p)
		}
	}
	return out
}
