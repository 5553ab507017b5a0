package sampler

import (
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

func TestRelationAtEveryBoundary(t *testing.T) {
	c := Defaults()
	c.Near, c.Far, c.Skew = 600*time.Millisecond, 2*time.Second, 50*time.Millisecond
	const ms = time.Millisecond
	for _, test := range []struct {
		rig, camera string
		gap         time.Duration
		want        Relation
	}{
		{"rig", "cam0", 1, Temporal},
		{"rig", "cam0", 600 * ms, Temporal},
		{"rig", "cam0", 600*ms + 1, Neither},
		{"rig", "cam0", 2000*ms - 1, Neither},
		{"rig", "cam0", 2000 * ms, Negative},
		{"rig", "cam1", 0, View},
		{"rig", "cam1", 50 * ms, View},
		{"rig", "cam1", 50*ms + 1, Neither},
		{"rig", "cam1", 2000*ms - 1, Neither},
		{"rig", "cam1", 2000 * ms, Negative},
		{"yard", "cam0", 0, Negative},
		{"yard", "cam9", 600 * ms, Negative},
	} {
		for _, sign := range []time.Duration{1, -1} {
			a := frame.Meta{Rig: "rig", Camera: "cam0", Seq: 7, Captured: epoch}
			b := frame.Meta{Rig: test.rig, Camera: test.camera, Seq: 8, Captured: epoch.Add(sign * test.gap)}
			if got, back := c.Relation(a, b), c.Relation(b, a); got != test.want || back != test.want {
				t.Errorf("%s/%s %v away is %v one way and %v the other, not %v", test.rig, test.camera, sign*test.gap, got, back, test.want)
			}
		}
	}
}

func TestFrameIsNeitherToItself(t *testing.T) {
	a := frame.Meta{Rig: "rig", Camera: "cam0", Seq: 7, Captured: epoch}
	if got := Defaults().Relation(a, a); got != Neither {
		t.Errorf("a frame is %v to itself", got)
	}
}

func TestRelationOfTwoFramesWithOneTimestampIsTemporal(t *testing.T) {
	a := frame.Meta{Rig: "rig", Camera: "cam0", Seq: 7, Captured: epoch}
	b := a
	b.Seq = 8
	if got := Defaults().Relation(a, b); got != Temporal {
		t.Errorf("two frames of one instant are %v", got)
	}
}
