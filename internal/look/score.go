package look

import (
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/seed"
)

// Neighbours and Temperature are the weighted kNN of every table: results mean nothing without them.
const (
	Neighbours  = 20
	Temperature = 0.07
)

// Score is how well labelled pictures are told apart by some vectors; shares in [0, 1].
type Score struct {
	Name       string  `json:"name"`
	OneView    float64 `json:"one_view"`             // 1-NN against the first picture of each class
	FourView   float64 `json:"four_view"`            // 1-NN against four pictures of each class, evenly spread
	KNN        float64 `json:"knn"`                  // weighted kNN, each picture against all others
	Linear     float64 `json:"linear"`               // softmax regression trained on every second picture, tested on the rest
	Labels     int     `json:"labels"`               // that the regression was trained on, and the head of FineTuned
	FineTuned  float64 `json:"fine_tuned,omitempty"` // head and encoder trained on the same labels; 0 where it was not asked for
	Std        float64 `json:"std"`                  // of the L2-normalised vectors
	RankMe     float64 `json:"rankme"`
	Uniformity float64 `json:"uniformity"` // log E exp(−2‖x−y‖²): 0 collapsed, nearly −4 all over the sphere
	Dim        int     `json:"dim"`
}

// Judge scores vectors (len(labels), dim); linear asks for the probe and the measures of collapse too.
func Judge(name string, vectors []float32, dim int, labels []string, linear bool) (Score, error) {
	if linear {
		return JudgeWith(name, vectors, dim, labels, 1)
	}
	return JudgeWith(name, vectors, dim, labels, 0)
}

// JudgeWith is Judge whose linear probe is trained on a share of the labels of its half of the pictures, the
// same share of every class; 0 does without.
func JudgeWith(name string, vectors []float32, dim int, labels []string, share float64) (Score, error) {
	set, err := eval.NewSet(dim, vectors, labels, nil)
	if err != nil {
		return Score{}, err
	}
	s := Score{Name: name, Dim: dim, OneView: eval.OneView(set), FourView: eval.FourView(set), KNN: eval.LeaveOneOut(set, Neighbours, Temperature)}
	if share == 0 {
		return s, nil
	}
	s.Std, s.RankMe = eval.Spread(vectors, dim)
	s.Uniformity = eval.Uniformity(sample(vectors, dim), dim)
	train, test := Split(set, share)
	s.Labels = len(train)
	s.Linear, err = eval.LinearProbe(set.Subset(train), set.Subset(test))
	return s, err
}

// Split is the rows to train on and those to test on: every second row each, and of the former a share that is
// the same for every class and for every run.
func Split(set eval.Set, share float64) (train, test []int) {
	for i := range set.Len() {
		if i%2 == 0 {
			train = append(train, i)
		} else {
			test = append(test, i)
		}
	}
	some := eval.Fraction(set.Subset(train), share, seed.New(0).At("labels"))
	for i, row := range some {
		some[i] = train[row]
	}
	return some, test
}

// sample is the rows that a measure of all pairs looks at, few enough for seconds and for memory.
func sample(vectors []float32, dim int) []float32 {
	const rows, numbers = 4096, 1 << 22
	return eval.Sample(vectors, dim, min(rows, max(2, numbers/dim)))
}
