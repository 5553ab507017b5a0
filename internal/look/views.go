package look

import (
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/streams/frame"
)

// Rig is one event seen by several cameras: frame t of every camera is the same instant.
type Rig struct {
	Name    string
	Cameras [][]*frame.Frame
}

// Frames are all frames, camera after camera.
func (r Rig) Frames() []*frame.Frame {
	var all []*frame.Frame
	for _, camera := range r.Cameras {
		all = append(all, camera...)
	}
	return all
}

// ViewScore is how well some vectors tell the same instant apart from others across the cameras of a rig.
type ViewScore struct {
	Name       string  `json:"name"`
	Alignment  float64 `json:"alignment_error"`      // TCN's, 0 at best
	Tau        float64 `json:"kendall_tau"`          // 1 at best
	Cycle      float64 `json:"cycle"`                // share of frames that come back to themselves
	Within     float64 `json:"cycle_within"`         // or beside, as far as the tolerance goes
	Distance   float64 `json:"distance,omitempty"`   // E‖x−y‖² of two views of an instant, directions only
	Uniformity float64 `json:"uniformity,omitempty"` // log E exp(−2‖x−y‖²) of all frames, directions only
	Pairs      int     `json:"pairs"`                // ordered pairs of views
	Stuck      int     `json:"stuck"`                // of them, those that send every frame to one and the same
	Dim        int     `json:"dim,omitempty"`
}

// JudgeViews scores the vectors of recordings, each (cameras·instants, dim) in the order of Rig.Frames. They
// are compared by squared L2 as they are: hand embeddings over with unit length, as TCN has them.
func JudgeViews(name string, rigs []Rig, vectors [][]float32, dim, within int) (ViewScore, error) {
	var all []eval.Views
	var groups [][][]float32
	var every []float32
	distance, views := 0.0, 0
	for i, r := range rigs {
		cameras := make([][]float32, len(r.Cameras))
		rest := vectors[i]
		for c, frames := range r.Cameras {
			cameras[c], rest = rest[:len(frames)*dim], rest[len(frames)*dim:]
		}
		v, err := eval.NewViews(r.Name, dim, cameras...)
		if err != nil {
			return ViewScore{}, err
		}
		for c, one := range cameras {
			for _, other := range cameras[c+1:] {
				distance += eval.Alignment(one, other, dim)
				views++
			}
		}
		every = append(every, vectors[i]...)
		all, groups = append(all, v), append(groups, cameras)
	}
	tau, cycle := eval.KendallTau(dim, 1, groups...), eval.CycleConsistency(within, all...)
	return ViewScore{
		Name: name, Dim: dim, Alignment: eval.AlignmentError(all...), Tau: tau.Mean, Pairs: tau.Pairs, Stuck: tau.Constant,
		Cycle: cycle.Exact, Within: cycle.Within,
		Distance: distance / float64(views), Uniformity: eval.Uniformity(sample(every, dim), dim),
	}, nil
}

// ViewChance is what vectors that know nothing would score on these recordings.
func ViewChance(rigs []Rig, within int) ViewScore {
	s := ViewScore{Name: "chance"}
	for _, r := range rigs {
		c := len(r.Cameras)
		n := len(r.Cameras[0])
		exact, near := eval.CycleChance(n, within)
		pairs := float64(c * (c - 1))
		s.Alignment += pairs * eval.AlignmentChance(n)
		s.Cycle += pairs * exact
		s.Within += pairs * near
		s.Pairs += c * (c - 1)
	}
	s.Alignment /= float64(s.Pairs)
	s.Cycle /= float64(s.Pairs)
	s.Within /= float64(s.Pairs)
	return s
}
