package sampler

import (
	"maps"
	"slices"
	"time"
)

// rig is what is remembered of a rig's recent past. Frames of one rig come in order of capture; another rig
// may be hours ahead or behind, as recordings are.
type rig struct {
	tracks  map[string]track // by camera
	now     time.Time        // capture time of the newest frame
	window  []moment         // in order of capture: neighbours of waiting moments, then the waiting ones
	waiting int              // index of the first waiting moment
	pushed  uint64           // how many frames had been pushed, of all rigs, when this one's last came
}

// forgetAfter is how many frames of others come before a silent rig is forgotten, so that a stream of ever
// new names stays bounded; forgetEvery is how many come between two looks for such. A rig that comes back later begins a
// new scene.
const forgetAfter, forgetEvery = 1 << 16, 1 << 14

// rig is the rig of that name, new where it has not been heard of for long.
func (s *Sampler) rig(name string) *rig {
	if s.counts.Pushed%forgetEvery == 0 {
		s.forgetRigs()
	}
	r, ok := s.rigs[name]
	if !ok {
		r = &rig{tracks: map[string]track{}}
		s.rigs[name] = r
	}
	r.pushed = s.counts.Pushed
	return r
}

// forgetRigs settles and forgets the rigs that have been silent for long.
func (s *Sampler) forgetRigs() {
	for _, name := range s.rigNames() {
		if r := s.rigs[name]; s.counts.Pushed-r.pushed > forgetAfter {
			s.settleAll(r)
			delete(s.rigs, name)
		}
	}
}

// rigNames are the rigs in a fixed order.
func (s *Sampler) rigNames() []string { return slices.Sorted(maps.Keys(s.rigs)) }

// settleAll lets nothing of a rig wait any longer.
func (s *Sampler) settleAll(r *rig) {
	for r.waiting < len(r.window) {
		s.settleNext(r)
	}
}
