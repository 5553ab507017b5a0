package eval

import (
	"fmt"
	"math"
)

// Examples are what a pretext task showed a network: each is Patches square pictures of Size px and the label
// that the task wants.
type Examples struct {
	Patches, Size int
	Pixels        []float32 // (len(Labels), Patches, Size, Size, 3)
	Labels        []int     // each in [0, Classes)
	Classes       int
}

// shown is the examples as see shows them; without dimensions where it shows nothing.
func (e Examples) shown(see func([]float32, int) []float32) Set {
	if e.Patches < 1 || e.Size < 8 || len(e.Pixels) != len(e.Labels)*e.Patches*e.Size*e.Size*3 {
		panic("eval: examples are no whole number of patches of 8 px or more")
	}
	s := Set{Labels: e.Labels, Names: make([]string, e.Classes)}
	if see == nil {
		return s
	}
	for i := range s.Names {
		s.Names[i] = fmt.Sprint(i)
	}
	each := e.Patches * e.Size * e.Size * 3
	for i := range e.Labels {
		v := see(e.Pixels[i*each:(i+1)*each], e.Size)
		s.Dim = len(v)
		s.Vectors = append(s.Vectors, v...)
	}
	return s
}

// Shortcut is how well a pretext task is answered by a linear classifier that sees one cue only, such as the
// borders of the patches. The task was to teach what the picture shows; where a cue suffices, a network will
// learn the cue (Doersch et al., 2015, arXiv:1505.05192, section 3.1; Noroozi & Favaro, 2016,
// arXiv:1603.09246, section 3.3).
type Shortcut struct {
	Task, Cue string
	Accuracy  float64 // on examples the classifier was not fitted to
	Chance    float64 // of guessing, or what the cue's control reaches if that is more
	N         int     // examples asked about
	Cure      string
}

// Suspicious says whether the accuracy is more than luck and more than a trifle: over 4 standard deviations
// of the binomial above chance, and over a quarter above it (or half of what is left to 1).
func (s Shortcut) Suspicious() bool {
	luck := 4 * math.Sqrt(s.Chance*(1-s.Chance)/float64(s.N))
	trifle := min(s.Chance/4, (1-s.Chance)/2)
	return s.Accuracy > s.Chance+luck && s.Accuracy > s.Chance+trifle
}

// String is a line for the user, with what to do where the shortcut is suspicious.
func (s Shortcut) String() string {
	line := fmt.Sprintf("%s by its %s alone: %.1f %% right, chance %.1f %%, %d examples", s.Task, s.Cue, 100*s.Accuracy, 100*s.Chance, s.N)
	if s.Suspicious() {
		return line + ": a shortcut; " + s.Cure
	}
	return line
}

// Shortcuts tries every cue of Cues on a task: a linear classifier is fitted on what each shows of train, and
// asked about test.
func Shortcuts(task string, train, test Examples) ([]Shortcut, error) {
	var out []Shortcut
	for _, cue := range Cues() {
		s, err := ProbeShortcut(task, cue.Name, train.shown(cue.See), test.shown(cue.See))
		if err != nil {
			return nil, err
		}
		s.Cure = cue.Cure
		if control := train.shown(cue.Control); control.Dim > 0 {
			c, err := ProbeShortcut(task, cue.Name, control, test.shown(cue.Control))
			if err != nil {
				return nil, err
			}
			s.Chance = max(s.Chance, c.Accuracy)
		}
		out = append(out, s)
	}
	return out, nil
}

// ProbeShortcut is the accuracy of the linear probe on vectors that hold one cue. Chance is one over the
// number of classes, or the share of the most frequent class in train where that pays more on test.
func ProbeShortcut(task, cue string, train, test Set) (Shortcut, error) {
	if test.Len() == 0 {
		return Shortcut{}, fmt.Errorf("probing %s by its %s: no examples to ask about; give more pictures", task, cue)
	}
	accuracy, err := LinearProbe(train, test)
	if err != nil {
		return Shortcut{}, fmt.Errorf("probing %s by its %s: %w", task, cue, err)
	}
	return Shortcut{Task: task, Cue: cue, Accuracy: accuracy, Chance: guess(train, test), N: test.Len()}, nil
}

// guess is the accuracy on test of one who knows how often each class occurs in train, and nothing else.
func guess(train, test Set) float64 {
	counts := make([]int, len(train.Names))
	for _, label := range train.Labels {
		counts[label]++
	}
	frequent := 0
	for label, n := range counts {
		if n > counts[frequent] {
			frequent = label
		}
	}
	right := 0
	for _, label := range test.Labels {
		if label == frequent {
			right++
		}
	}
	return max(1/float64(len(train.Names)), float64(right)/float64(test.Len()))
}
