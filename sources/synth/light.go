package synth

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
)

// light is one lamp far away and what the room throws back.
type light struct {
	toward vec // unit, from the scene to the lamp
	key    vec // lamp, linear colour
	fill   vec // room, linear colour
}

// lit is the light a surface of that normal gets.
func (l *light) lit(normal vec) vec {
	return l.key.mul(max(0, normal.dot(l.toward))).add(l.fill.mul(around(normal.z)))
}

// around is the share of the fill a surface gets: most where it faces the ceiling, up being its normal's z.
func around(up float64) float64 { return 0.8 + 0.2*up }

// lamp makes a light of its direction (radians), warmth in [0, 1], brightness, and share of fill.
func lamp(azimuth, height, warmth, bright, fill float64) light {
	s, c := math.Sincos(azimuth)
	up, flat := math.Sincos(height)
	colour := vec{0.80, 0.94, 1.10}.mix(vec{1.12, 0.94, 0.68}, warmth)
	return light{
		toward: vec{flat * c, flat * s, up},
		key:    colour.mul(bright * (1 - fill) * 1.5),
		fill:   colour.mix(vec{1, 1, 1}, 0.5).mul(bright * fill),
	}
}

// daylight wanders slowly, in waves that never meet in the same way, and takes a small step with each
// visit. The waves last from half a minute to some minutes, so that light tells little of the moment.
func daylight(s seed.Seed, t time.Duration, slot uint64) light {
	r := s.Rand(0) // the waves' phases
	wave := func(seconds float64) float64 {
		return math.Sin(2 * math.Pi * (t.Seconds()/seconds + r.Float64()))
	}
	azimuth := 1.6*wave(173) + 0.7*wave(37)
	height := 0.95 + 0.2*wave(89)
	warmth := 0.5 + 0.3*wave(131)
	bright := 1 + 0.12*wave(61) + 0.04*wave(7)
	fill := 0.42 + 0.08*wave(97)

	step := s.Rand(1, slot)
	return lamp(azimuth+between(step, -0.4, 0.4), height+between(step, -0.1, 0.1), warmth+between(step, -0.2, 0.2),
		bright*between(step, 0.9, 1.1), fill)
}

// anyLight is for pictures that belong to no stream.
func anyLight(r *rand.Rand) light {
	return lamp(between(r, -math.Pi, math.Pi), between(r, 0.65, 1.25), r.Float64(), between(r, 0.8, 1.25), between(r, 0.34, 0.5))
}
