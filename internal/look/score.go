package look

import (
	"github.com/nearfar/nearfar/internal/eval"
)

// Neighbours and Temperature are the weighted kNN of every table: results mean nothing without them.
const (
	Neighbours  = 20
	Temperature = 0.07
)

// Score is how well labelled pictures are told apart by some vectors; shares in [0, 1].
type Score struct {
	Name     string  `json:"name"`
	OneView  float64 `json:"one_view"`  // 1-NN against the first picture of each class
	FourView float64 `json:"four_view"` // 1-NN against four pictures of each class, evenly spread
	KNN      float64 `json:"knn"`       // weighted kNN, each picture against all others
	Linear   float64 `json:"linear"`    // softmax regression trained on every second picture, tested on the rest
	Std      float64 `json:"std"`       // of the L2-normalised vectors
	RankMe   float64 `json:"rankme"`
	Dim      int     `json:"dim"`
}

// Judge scores vectors (len(labels), dim).
func Judge(name string, vectors []float32, dim int, labels []string, linear bool) (Score, error) {
	set, err := eval.NewSet(dim, vectors, labels, nil)
	if err != nil {
		return Score{}, err
	}
	s := Score{Name: name, Dim: dim, OneView: eval.OneView(set), FourView: eval.FourView(set), KNN: eval.LeaveOneOut(set, Neighbours, Temperature)}
	if !linear {
		return s, nil
	}
	s.Std, s.RankMe = eval.Spread(vectors, dim)
	var train, test []int
	for i := range labels {
		if i%2 == 0 {
			train = append(train, i)
		} else {
			test = append(test, i)
		}
	}
	s.Linear, err = eval.LinearProbe(set.Subset(train), set.Subset(test))
	return s, err
}
