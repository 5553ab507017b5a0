package synth

import (
	"fmt"
	"math"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// Gallery takes pictures for evaluation alone: each object of the scene from that many viewpoints, in
// poses, light and rooms that no camera of the rig ever streams, each viewpoint with a sensor of its own.
// Frames come object by object; Label names the object, Camera the viewpoint ("view0", …), Seq counts them.
func Gallery(cfg Config, views int) ([]*frame.Frame, error) {
	s, err := NewScene(cfg)
	if err != nil {
		return nil, err
	}
	root := seed.New(cfg.Seed).At("synth gallery")
	var out []*frame.Frame
	for object := range cfg.Objects {
		for view := range views {
			f := s.still(root, object, view)
			f.Camera = fmt.Sprintf("view%d", view)
			f.Rig = f.Camera
			f.Seq = uint64(len(out))
			out = append(out, f)
		}
	}
	return out, nil
}

// still is one picture of the gallery.
func (s *Scene) still(root seed.Seed, object, view int) *frame.Frame {
	post := root.At("viewpoint").Rand(uint64(view))
	azimuth := between(post, -math.Pi, math.Pi)
	for s.near(azimuth) {
		azimuth = between(post, -math.Pi, math.Pi)
	}
	cam := stand(s.cfg, post, azimuth, between(post, 0.9, 3.2))

	r := root.At("picture").Rand(uint64(object), uint64(view))
	v := anyVisit(r)
	v.object = object
	guest, _ := v.place(s.cfg.Visit/2, s.cfg.Visit)
	guest.pose = anyTurn(r)
	m := furnish(r, []camera{cam})
	shot := shot{camera: &cam, behind: paint(&cam, &m, 0), light: anyLight(r), things: []placed{guest}}
	f := shot.take(s.grain, r)
	f.Label = guest.name
	return f
}

// near says whether a camera of the rig stands within 15° of an azimuth. The rig takes up less than 200°,
// so that there is always room.
func (s *Scene) near(azimuth float64) bool {
	for _, k := range s.cams {
		apart := math.Abs(math.Remainder(math.Atan2(k.at.y, k.at.x)-azimuth, 2*math.Pi))
		if apart < 15*math.Pi/180 {
			return true
		}
	}
	return false
}
