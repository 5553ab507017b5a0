package synth

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
)

// visit is one object's time on the stage: which object, in what pose it starts, how it turns and moves,
// from where it comes and to where it goes.
type visit struct {
	object      int
	start       turn
	axis        vec
	spin        float64 // radians per second
	drift       [3]wave // along x, y, z
	comes, goes vec     // unit, from the stage outwards
}

// wave is a slow movement to and fro.
type wave struct{ size, speed, phase float64 } // m, radians per second, radians

const (
	stageRadius = 0.72 // of the ball an object fills, m
	travel      = 3.2  // how far outside a visitor starts, m: above every camera's picture
	entrance    = 0.4  // seconds from there to the stage, and back
	present     = 1.0  // a visitor no farther than this from its place, m, is on the stage
)

// slot counts visits from the beginning of the scene.
func (c Config) slot(t time.Duration) (slot uint64, into time.Duration) {
	return uint64(t / c.Visit), t % c.Visit
}

// round is the visits in which each object comes once, in shuffled order.
func (c Config) round(slot uint64) (round uint64, place int) {
	return slot / uint64(c.Objects), int(slot % uint64(c.Objects))
}

// visitor is the visit of a slot.
func (c Config) visitor(s seed.Seed, slot uint64) visit {
	round, place := c.round(slot)
	v := anyVisit(s.At("visit").Rand(slot))
	v.object = s.At("order").Rand(round).Perm(c.Objects)[place]
	return v
}

func anyVisit(r *rand.Rand) visit {
	v := visit{start: anyTurn(r), axis: anyAxis(r), spin: between(r, 0.9, 2.2)}
	for i := range v.drift {
		v.drift[i] = wave{between(r, 0.1, 0.34), between(r, 0.8, 2), between(r, 0, 2*math.Pi)}
	}
	v.drift[2].size *= 0.5
	v.comes, v.goes = overhead(r), overhead(r)
	return v
}

// overhead is a direction within 40° of straight up.
func overhead(r *rand.Rand) vec {
	a, tilt := between(r, 0, 2*math.Pi), between(r, 0, 0.7)
	return vec{math.Sin(tilt) * math.Cos(a), math.Sin(tilt) * math.Sin(a), math.Cos(tilt)}
}

// place is the visitor at a moment of its visit, and how far it is from its place on the stage, m.
func (v *visit) place(into, length time.Duration) (placed, float64) {
	t, left := into.Seconds(), (length - into).Seconds()
	at := stage
	at.x += v.drift[0].at(t)
	at.y += v.drift[1].at(t)
	at.z += v.drift[2].at(t)
	coming, going := outside(t), outside(left)
	at = at.add(v.comes.mul(coming)).add(v.goes.mul(going))
	return placed{
		object: &catalogue[v.object], at: at, radius: stageRadius,
		pose: v.start.about(v.axis, v.spin*t),
	}, coming + going
}

func (w wave) at(t float64) float64 { return w.size * math.Sin(w.speed*t+w.phase) }

// outside brakes from travel to 0 within the entrance.
func outside(t float64) float64 {
	rest := max(0, 1-t/entrance)
	return travel * rest * rest
}
