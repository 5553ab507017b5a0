package sampler

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPartnersOfARowAreItsAnchors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := keepAll()
		c.Views, c.Partners = rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "views"), rapid.IntRange(0, 3).Draw(t, "partners")
		k := rapid.IntRange(1, 6).Draw(t, "k")
		s := filled(c, 1, drawFootage(t, 60))
		var d Draw
		if !s.Draw(2, &d) {
			return
		}
		for row, a := range d.anchors {
			near, view, several := s.Near(&d, row, "test"), s.View(&d, row, "test"), s.Several(&d, row, k, "test")
			if (near == nil) != (len(a.near) == 0) || near != nil && c.Relation(a.frame.Meta, near.Meta) != Temporal {
				t.Fatalf("row %d: %v is said to be near", row, near)
			}
			if (view == nil) != (len(a.views) == 0) || view != nil && c.Relation(a.frame.Meta, view.Meta) != View {
				t.Fatalf("row %d: %v is said to be a view", row, view)
			}
			if several[0] != a.frame || len(several) != min(k, 1+len(a.near)+len(a.views)) {
				t.Fatalf("row %d: %d frames instead of %d of %d, or not the anchor first", row, len(several), k, 1+len(a.near)+len(a.views))
			}
			views := 0
			for i, f := range several[1:] {
				if slices.Contains(several[:i+1], f) || !slices.Contains(a.near, f) && !slices.Contains(a.views, f) {
					t.Fatalf("row %d: frame %d is there twice or no positive", row, i+1)
				}
				if slices.Contains(a.views, f) {
					views++
				}
			}
			if c.Views == 1 && views != min(k-1, len(a.views)) || c.Views == 0 && views != max(0, len(several)-1-len(a.near)) {
				t.Fatalf("row %d: %d views among %d frames with a share of %v", row, views, len(several), c.Views)
			}
			if !slices.Equal(several, s.Several(&d, row, k, "test")) {
				t.Fatalf("row %d: several are no function of step, use and row", row)
			}
		}
	})
}

func TestPartnersAreDrawnUniformly(t *testing.T) {
	c := keepAll()
	s := filled(c, 1, footage(3, 40))
	a := s.replay.kept[60]
	near, views, several := map[uint64]float64{}, map[string]float64{}, map[string]float64{}
	const steps = 2400
	for step := range uint64(steps) {
		d := s.drawn(step)
		d.anchors = []*anchor{a}
		near[s.Near(d, 0, "near").Seq]++
		views[s.View(d, 0, "view").Camera]++
		for _, f := range s.Several(d, 0, 5, "several")[1:] {
			several[f.Label]++
		}
	}
	if len(near) != 12 || len(views) != 2 || len(several) != 14 {
		t.Fatalf("%d neighbours, %d views and %d of both were drawn instead of 12, 2 and 14", len(near), len(views), len(several))
	}
	for seq, n := range near {
		if n < 140 || n > 260 {
			t.Errorf("neighbour %d was drawn %v times instead of about %d", seq, n, steps/12)
		}
	}
	for camera, n := range views {
		if n < 1080 || n > 1320 {
			t.Errorf("camera %s was drawn %v times instead of about %d", camera, n, steps/2)
		}
	}
}
