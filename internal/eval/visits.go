package eval

import (
	"cmp"
	"slices"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Visits names the visit that a labelled frame belongs to: the frames of one rig that show one object, each
// no more than gap after the one before. All cameras of a rig share a visit, so that recognising an object
// in one of them never leans on its neighbour's picture of the same moment. It is for one goroutine.
type Visits struct {
	gap  time.Duration
	open map[[2]string]Visit // by rig and label; only those that may still go on
}

// Visit is a visit that may still go on.
type Visit struct {
	Rig, Label  string
	Start, Last time.Time
}

// NewVisits ends a visit after gap without its object.
func NewVisits(gap time.Duration) *Visits {
	return &Visits{gap: gap, open: map[[2]string]Visit{}}
}

// Of is the name of the frame's visit, for Online.Observe. Frames are expected in the order of capture; one
// that comes up to gap late still finds its visit.
func (v *Visits) Of(m frame.Meta) string {
	rig := m.Rig
	if rig == "" {
		rig = m.Camera
	}
	key := [2]string{rig, m.Label}
	visit, ok := v.open[key]
	if !ok || m.Captured.Sub(visit.Last) > v.gap || visit.Start.Sub(m.Captured) > v.gap {
		v.forget(m.Captured)
		visit = Visit{Rig: rig, Label: m.Label, Start: m.Captured, Last: m.Captured}
	}
	if m.Captured.After(visit.Last) {
		visit.Last = m.Captured
	}
	v.open[key] = visit
	return rig + "\x00" + m.Label + "\x00" + visit.Start.UTC().Format(time.RFC3339Nano)
}

// forget drops visits that are over, which bounds memory to the objects seen within a gap.
func (v *Visits) forget(now time.Time) {
	for key, visit := range v.open {
		if now.Sub(visit.Last) > 2*v.gap { // twice: for late frames
			delete(v.open, key)
		}
	}
}

// State is the visits that may still go on, for checkpoints.
func (v *Visits) State() []Visit {
	all := make([]Visit, 0, len(v.open))
	for _, visit := range v.open {
		all = append(all, visit)
	}
	slices.SortFunc(all, func(a, b Visit) int {
		return cmp.Or(cmp.Compare(a.Rig, b.Rig), cmp.Compare(a.Label, b.Label))
	})
	return all
}

// Restore goes on from a state.
func (v *Visits) Restore(all []Visit) {
	clear(v.open)
	for _, visit := range all {
		v.open[[2]string{visit.Rig, visit.Label}] = visit
	}
}
