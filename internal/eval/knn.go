package eval

import (
	"math"
	"slices"

	"github.com/nearfar/nearfar/model/kernel"
)

// KNN is the accuracy, in [0, 1], of the weighted k-nearest-neighbour classifier of NPID (Wu et al., 2018,
// arXiv:1805.01978): each of the k gallery rows nearest to a query by cosine s votes for its class with
// weight exp(s/temperature). Published figures use k = 200 (lightly's tables 20) and the temperature of
// training (0.07, 0.1): print both with every number.
//
// Equal similarities go to the lower gallery row, equal votes to the class of the nearer one; k beyond the
// gallery means all of it. Without a query or a gallery there is no accuracy: NaN.
func KNN(gallery, query Set, k int, temperature float64) float64 {
	if gallery.Dim != query.Dim {
		panic("eval: gallery and query differ in dimension")
	}
	return Accuracy(predict(gallery, query, k, temperature, false), query.Labels)
}

// LeaveOneOut is KNN of every row of a set against all others.
func LeaveOneOut(set Set, k int, temperature float64) float64 {
	return Accuracy(predict(set, set, k, temperature, true), set.Labels)
}

// predict is the class of each query, nothing where the gallery is empty; self leaves row i out for query i.
func predict(gallery, query Set, k int, temperature float64, self bool) []int {
	if k <= 0 || !(temperature > 0) {
		panic("eval: k and temperature must be positive")
	}
	n, dim := gallery.Len(), gallery.Dim
	if n == 0 || self && n == 1 {
		return nil
	}
	classes := make([]int, query.Len())
	if self {
		k = min(k, n-1) + 1 // and the row itself
	}
	for i, hits := range kernel.Search(gallery.Vectors, query.Vectors, dim, k) {
		if self {
			hits = without(hits, i)
		}
		classes[i] = vote(hits, gallery.Labels, temperature)
	}
	return classes
}

// without leaves a row out, or the last of the hits where it is not among them: rows as good were.
func without(hits []kernel.Hit, row int) []kernel.Hit {
	at := slices.IndexFunc(hits, func(h kernel.Hit) bool { return h.Row == row })
	if at < 0 {
		at = len(hits) - 1
	}
	return slices.Delete(hits, at, at+1)
}

// vote is the label with the greatest sum of exp(s/T) among hits, nearest first; the zero label without hits.
// Dividing every weight by the nearest one's keeps them finite for any temperature and changes no winner.
func vote[L comparable](hits []kernel.Hit, labels []L, temperature float64) (best L) {
	votes := make(map[L]float64, len(hits))
	for _, h := range hits {
		votes[labels[h.Row]] += math.Exp((float64(h.Score) - float64(hits[0].Score)) / temperature)
	}
	most := 0.0
	for _, h := range hits { // never in the order of the map
		if v := votes[labels[h.Row]]; v > most {
			best, most = labels[h.Row], v
		}
	}
	return best
}

// Accuracy is the share, in [0, 1], of predictions that are right, NaN where there are none.
func Accuracy(predicted, labels []int) float64 {
	if len(predicted) == 0 {
		return math.NaN()
	}
	right := 0
	for i, p := range predicted {
		if p == labels[i] {
			right++
		}
	}
	return float64(right) / float64(len(predicted))
}
