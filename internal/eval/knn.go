package eval

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
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

// block is how many queries are compared at a time; it bounds memory to block×gallery numbers.
const block = 256

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
	g, q := normalized(gallery.Vectors, dim), normalized(query.Vectors, dim)
	sims := make([]float32, min(block, query.Len())*n)
	var hits []hit
	for first := 0; first < query.Len(); first += block {
		rows := min(block, query.Len()-first)
		similarities(sims[:rows*n], q[first*dim:(first+rows)*dim], g, dim)
		for i := range rows {
			skip := -1
			if self {
				skip = first + i
			}
			hits = nearest(hits[:0], sims[i*n:(i+1)*n], k, skip)
			classes[first+i] = vote(hits, gallery.Labels, temperature)
		}
	}
	return classes
}

// similarities fills dst (q×g) with the inner products of rows of query (q×dim) and gallery (g×dim).
func similarities(dst, query, gallery []float32, dim int) {
	q, g := len(query)/dim, len(gallery)/dim
	blas32.Gemm(blas.NoTrans, blas.Trans, 1,
		blas32.General{Rows: q, Cols: dim, Stride: dim, Data: query},
		blas32.General{Rows: g, Cols: dim, Stride: dim, Data: gallery}, 0,
		blas32.General{Rows: q, Cols: g, Stride: g, Data: dst})
}

// hit is a gallery row and its similarity.
type hit struct {
	row   int
	score float32
}

// nearest appends the k most similar rows to dst (empty), nearest first, equal ones by row; row skip is left out.
func nearest(dst []hit, sims []float32, k, skip int) []hit {
	for row, s := range sims {
		if row == skip || len(dst) == k && s <= dst[k-1].score {
			continue
		}
		at := sort.Search(len(dst), func(i int) bool { return dst[i].score < s })
		if len(dst) == k {
			dst = dst[:k-1]
		}
		dst = slices.Insert(dst, at, hit{row, s})
	}
	return dst
}

// vote is the label with the greatest sum of exp(s/T) among hits, nearest first; the zero label without hits.
// Dividing every weight by the nearest one's keeps them finite for any temperature and changes no winner.
func vote[L comparable](hits []hit, labels []L, temperature float64) (best L) {
	votes := make(map[L]float64, len(hits))
	for _, h := range hits {
		votes[labels[h.row]] += math.Exp((float64(h.score) - float64(hits[0].score)) / temperature)
	}
	most := 0.0
	for _, h := range hits { // never in the order of the map
		if v := votes[labels[h.row]]; v > most {
			best, most = labels[h.row], v
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
