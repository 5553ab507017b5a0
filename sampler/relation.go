package sampler

import "github.com/nearfar/nearfar/streams/frame"

// Relation is what one frame is to another.
type Relation uint8

// What a frame b can be to a frame a.
const (
	Neither  Relation = iota // no-man's-land, or the same frame
	Temporal                 // a positive: the same camera, at most near away
	View                     // a positive: another camera of the rig, at most skew away
	Negative                 // another rig, or at least far away
)

func (r Relation) String() string {
	switch r {
	case Temporal:
		return "temporal"
	case View:
		return "view"
	case Negative:
		return "negative"
	}
	return "neither"
}

// Relation is the one definition of near and far, by metadata alone. The sampler asks more of positives:
// that no scene ends between two frames of a camera, and that neither picture is frozen.
func (c Config) Relation(a, b frame.Meta) Relation {
	if a.Rig != b.Rig {
		return Negative
	}
	gap := b.Captured.Sub(a.Captured).Abs()
	switch {
	case a.Camera != b.Camera && gap <= c.Skew:
		return View
	case a.Camera == b.Camera && gap <= c.Near && a.Seq != b.Seq:
		return Temporal
	case a.Camera == b.Camera && a.Seq == b.Seq && gap == 0:
		return Neither
	case gap >= c.Far:
		return Negative
	}
	return Neither
}
