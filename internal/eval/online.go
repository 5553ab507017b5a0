package eval

import (
	"fmt"
	"math"
	"slices"

	"github.com/nearfar/nearfar/model/kernel"
)

// Online measures recognition while the stream runs: a weighted kNN classifier over the newest labelled
// embeddings, asked about each embedding before it is stored, and never shown the visit the embedding itself
// comes from (neighbouring frames of one visit are all but the same picture). Memory is bounded by capacity.
//
// An object that the memory holds from no other visit cannot be recognised by anyone: such frames count as
// New and not in the accuracy, which therefore says how often an object is known when it comes again.
//
// It is for one goroutine.
type Online struct {
	k           int
	temperature float64
	s           OnlineState
}

// OnlineState is all that an Online remembers, for checkpoints.
type OnlineState struct {
	Capacity, Dim int
	Vectors       []float32 // len(Labels)×Dim, L2-normalised
	Labels        []string  // at most Capacity
	Visits        []string
	Next          int    // the slot that the next embedding goes to
	Window        int    // how many predictions the accuracy is over
	Right         []bool // the last predictions, at most Window
	NextRight     int
	Counts        OnlineCounts
}

// OnlineCounts says what became of the embeddings observed: Observed = Unlabelled + New + Predicted.
type OnlineCounts struct {
	Observed   uint64
	Unlabelled uint64 // neither asked about nor stored
	New        uint64 // of an object that no other visit in memory shows
	Predicted  uint64
	Right      uint64 // of Predicted, since the beginning
}

// NewOnline remembers capacity embeddings of dim numbers, lets the k nearest vote with weight
// exp(s/temperature), and gives the accuracy of the last window predictions.
func NewOnline(capacity, dim, k int, temperature float64, window int) *Online {
	if capacity <= 0 || dim <= 0 || k <= 0 || window <= 0 || !(temperature > 0) {
		panic("eval: sizes and temperature of an online classifier must be positive")
	}
	return &Online{k: k, temperature: temperature, s: OnlineState{Capacity: capacity, Dim: dim, Window: window}}
}

// Observe predicts the label of an embedding (dim numbers, any length) from what is stored of other visits,
// then stores it with its true label and visit. ok says whether the prediction counts: the label is not
// empty, and another visit in memory shows it. An embedding that is not finite counts as a wrong prediction
// and is not stored.
func (o *Online) Observe(vector []float32, label, visit string) (predicted string, ok bool) {
	if len(vector) != o.s.Dim {
		panic("eval: an embedding of another dimension")
	}
	o.s.Counts.Observed++
	if label == "" {
		o.s.Counts.Unlabelled++
		return "", false
	}
	valid := finite(vector)
	vector = normalized(vector, o.s.Dim)
	if ok = o.known(label, visit); ok {
		if valid {
			predicted = o.predict(vector, visit)
		}
		o.count(predicted == label)
	} else {
		o.s.Counts.New++
	}
	if valid {
		o.store(vector, label, visit)
	}
	return predicted, ok
}

// Accuracy is the share, in [0, 1], of right ones among the last n predictions; NaN where n is 0.
func (o *Online) Accuracy() (accuracy float64, n int) {
	right := 0
	for _, r := range o.s.Right {
		if r {
			right++
		}
	}
	if n = len(o.s.Right); n == 0 {
		return math.NaN(), 0
	}
	return float64(right) / float64(n), n
}

// Counts says what became of the embeddings observed so far.
func (o *Online) Counts() OnlineCounts { return o.s.Counts }

func (o *Online) known(label, visit string) bool {
	for slot, l := range o.s.Labels {
		if l == label && o.s.Visits[slot] != visit {
			return true
		}
	}
	return false
}

// predict lets the k nearest embeddings of other visits vote.
func (o *Online) predict(vector []float32, visit string) string {
	own := 0
	for _, v := range o.s.Visits {
		if v == visit {
			own++
		}
	}
	hits := kernel.Search(o.s.Vectors, vector, o.s.Dim, o.k+own)[0]
	hits = slices.DeleteFunc(hits, func(h kernel.Hit) bool { return o.s.Visits[h.Row] == visit })
	return vote(hits[:min(o.k, len(hits))], o.s.Labels, o.temperature)
}

func (o *Online) count(right bool) {
	o.s.Counts.Predicted++
	if right {
		o.s.Counts.Right++
	}
	if len(o.s.Right) < o.s.Window {
		o.s.Right = append(o.s.Right, right)
	} else {
		o.s.Right[o.s.NextRight] = right
	}
	o.s.NextRight = (o.s.NextRight + 1) % o.s.Window
}

func (o *Online) store(vector []float32, label, visit string) {
	if slot := o.s.Next; slot < len(o.s.Labels) {
		copy(o.s.Vectors[slot*o.s.Dim:], vector)
		o.s.Labels[slot], o.s.Visits[slot] = label, visit
	} else {
		o.s.Vectors = append(o.s.Vectors, vector...)
		o.s.Labels = append(o.s.Labels, label)
		o.s.Visits = append(o.s.Visits, visit)
	}
	o.s.Next = (o.s.Next + 1) % o.s.Capacity
}

// State is a copy of all that is remembered.
func (o *Online) State() OnlineState {
	s := o.s
	s.Vectors, s.Right = slices.Clone(s.Vectors), slices.Clone(s.Right)
	s.Labels, s.Visits = slices.Clone(s.Labels), slices.Clone(s.Visits)
	return s
}

// Restore goes on from a state of the same capacity, dimension and window; it changes nothing on an error.
func (o *Online) Restore(s OnlineState) error {
	if s.Capacity != o.s.Capacity || s.Dim != o.s.Dim || s.Window != o.s.Window {
		return fmt.Errorf("restoring the online classifier: saved with capacity %d, dimension %d, window %d, now %d, %d, %d",
			s.Capacity, s.Dim, s.Window, o.s.Capacity, o.s.Dim, o.s.Window)
	}
	n := len(s.Labels)
	if n > s.Capacity || len(s.Visits) != n || len(s.Vectors) != n*s.Dim || !ring(n, s.Next, s.Capacity) ||
		len(s.Right) > s.Window || !ring(len(s.Right), s.NextRight, s.Window) || !finite(s.Vectors) {
		return fmt.Errorf("restoring the online classifier: the saved state contradicts itself (%d labels, %d visits, %d numbers)",
			n, len(s.Visits), len(s.Vectors))
	}
	o.s = s
	o.s = o.State()
	return nil
}

// ring reports whether next is where a ring of that capacity with n elements writes next.
func ring(n, next, capacity int) bool {
	if n < capacity {
		return next == n
	}
	return n == capacity && next >= 0 && next < capacity
}
