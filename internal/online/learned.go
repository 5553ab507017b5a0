package online

import (
	"fmt"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/model/objective"
)

// Learned is how one objective stands: means over the time since the last Status.
type Learned struct {
	Name     string  `json:"name"`
	Steps    int     `json:"steps"` // that it took part in
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"` // share of its questions answered right
	Chance   float64 `json:"chance"`   // what guessing gets; 0 where there is nothing to be right about

	Contrastive bool    `json:"contrastive"`    // the following mean something
	Positive    float64 `json:"positive_score"` // score(f(x), f(x⁺))
	Negative    float64 `json:"negative_score"` // score(f(x), f(x⁻))
	Gap         float64 `json:"gap"`            // between the two: the one is to be far above the other
	Bounded     bool    `json:"bounded"`        // the loss bounds mutual information
	MIBound     float64 `json:"mi_bound"`       // ln N − L, nats, at most ln N
	Std         float64 `json:"std"`            // of unit projections of the last step; 1/√d is healthy, 0 collapsed
	BankAge     uint64  `json:"bank_age_steps"` // of the oldest key of its bank, after the last step; 0: it has none
	RankMe      float64 `json:"rankme"`         // effective rank of the projections of the last step
}

// tally adds up what an objective tells between two looks.
type tally struct {
	sum        Learned
	projection []float32 // of the last step
	dim        int
}

func (t *tally) add(o objective.Told) {
	t.sum.Name = o.Name
	if o.Silent {
		return
	}
	s := &t.sum
	s.Steps++
	s.Loss += float64(o.Loss)
	s.Accuracy += float64(o.Accuracy)
	s.Chance = float64(o.Chance)
	s.Contrastive, s.Bounded = o.Contrastive, o.Contrastive && o.Bounded
	s.Positive += float64(o.Positive)
	s.Negative += float64(o.Negative)
	s.BankAge = o.BankAge
	s.MIBound += float64(o.MIBound())
	t.projection, t.dim = append(t.projection[:0], o.Projection...), o.Dim
}

// mean is what was told since the last look, or old where there is nothing new.
func (t *tally) mean(old Learned) Learned {
	s := t.sum
	if s.Steps == 0 {
		old.Name, old.Steps = s.Name, 0
		return old
	}
	n := float64(s.Steps)
	s.Loss, s.Accuracy = s.Loss/n, s.Accuracy/n
	s.Positive, s.Negative, s.MIBound = s.Positive/n, s.Negative/n, s.MIBound/n
	s.Gap = s.Positive - s.Negative
	if !s.Bounded {
		s.MIBound = 0
	}
	if len(t.projection) > 0 {
		s.Std, s.RankMe = eval.Spread(t.projection, t.dim)
	}
	return s
}

// String is a few words for people.
func (l Learned) String() string {
	text := fmt.Sprintf("%s %.3f", l.Name, l.Loss)
	switch {
	case l.Bounded:
		text += fmt.Sprintf(" (MI ≥ %.2f nats)", l.MIBound)
	case l.Contrastive:
		text += fmt.Sprintf(" (gap %.2f)", l.Gap)
	case l.Chance > 0:
		text += fmt.Sprintf(" (%.0f%% right)", 100*l.Accuracy)
	}
	return text
}
