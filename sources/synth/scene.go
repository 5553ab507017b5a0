package synth

import (
	"sync/atomic"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// Scene is the room, its cameras and all visits to come. It is safe for concurrent use.
type Scene struct {
	cfg       Config
	seed      seed.Seed
	cams      []camera
	skew      []time.Duration
	grain     grain
	backdrops []atomic.Pointer[backdrop] // one per camera, of the round it rendered last
}

// NewScene builds the scene of a configuration, or says what is wrong with that.
func NewScene(cfg Config) (*Scene, error) {
	if err := cfg.err(); err != nil {
		return nil, err
	}
	root := seed.New(cfg.Seed).At("synth")
	s := &Scene{cfg: cfg, seed: root, cams: rig(cfg, root.At("rig").Rand()), grain: newGrain(root.At("grain").Rand())}
	s.backdrops = make([]atomic.Pointer[backdrop], cfg.Cameras)
	for i := range s.cams {
		s.skew = append(s.skew, time.Duration(root.At("skew").Rand(uint64(i)).Float64()*float64(cfg.Skew)))
	}
	return s, nil
}

// Skew is by how much a camera's clock is ahead of the scene's: 0 to the configured skew.
func (s *Scene) Skew(camera int) time.Duration { return s.skew[camera] }

// Render is what a camera (from 0) sees at a moment (from 0) of the scene, with the name of the object on the
// stage as its label, "" while there is none; the rest of Meta is empty. It panics where there is no such camera or moment.
func (s *Scene) Render(camera int, t time.Duration) *frame.Frame {
	if camera < 0 || camera >= len(s.cams) || t < 0 {
		panic("synth: no such camera or moment")
	}
	slot, into := s.cfg.slot(t)
	round, _ := s.cfg.round(slot)
	v := s.cfg.visitor(s.seed, slot)
	guest, away := v.place(into, s.cfg.Visit)
	b := s.backdrops[camera].Load()
	if b == nil || b.round != round {
		m := furnish(s.seed.At("room").Rand(round), s.cams)
		b = paint(&s.cams[camera], &m, round)
		s.backdrops[camera].Store(b)
	}
	shot := shot{
		camera: &s.cams[camera], behind: b, light: daylight(s.seed.At("light"), t, slot),
		things: append(wanderers(s.seed.At("wanderers"), t.Seconds(), s.cams), guest),
	}
	f := shot.take(s.grain, s.seed.At("noise").Rand(uint64(camera), uint64(t)))
	if away <= present {
		f.Label = guest.name
	}
	return f
}
