package eval

import "math"

// Tau is how well embeddings keep the order of time between videos of the same thing.
type Tau struct {
	Mean     float64 // of all pairs, 1 at best, 0 by chance, −1 backwards
	Pairs    int     // ordered pairs of videos
	Constant int     // of them, pairs where every nearest neighbour is one frame; they score 0
}

// KendallTau is Kendall's tau as temporal cycle-consistency learning measures alignment (Dwibedi et al.,
// 2019, arXiv:1904.07846): for every ordered pair of videos, every stride-th frame of the one looks for its
// nearest neighbour by squared L2 among every stride-th of the other; tau compares the order of what is found
// with the order of the frames. The videos (each n×dim, of any lengths) are given in groups that show the
// same thing, as the views of a rig do; only videos of one group are compared. The paper strides by 5.
//
// The authors' code (google-research/tcc, evaluation/kendalls_tau.py) drops pairs whose tau is NaN, and a
// video that has collapsed to one point makes just those: its failures leave the mean. Here such a pair
// scores 0 and is counted.
func KendallTau(dim, stride int, groups ...[][]float32) Tau {
	if stride < 1 {
		panic("eval: a stride below 1")
	}
	var tau Tau
	sum := 0.0
	for _, videos := range groups {
		strided := make([][]float32, len(videos))
		for i, v := range videos {
			strided[i] = strideRows(v, dim, stride)
		}
		for i, a := range strided {
			for j, b := range strided {
				if i == j {
					continue
				}
				tau.Pairs++
				if t := tauB(closest(a, b, dim)); math.IsNaN(t) {
					tau.Constant++
				} else {
					sum += t
				}
			}
		}
	}
	tau.Mean = sum / float64(tau.Pairs)
	return tau
}

func strideRows(v []float32, dim, stride int) []float32 {
	checkRows(v, dim)
	if stride == 1 {
		return v
	}
	var out []float32
	for row := 0; row*dim < len(v); row += stride {
		out = append(out, v[row*dim:(row+1)*dim]...)
	}
	return out
}

// tauB is Kendall's tau-b (what scipy.stats.kendalltau gives) of y against 0, 1, 2, …, which has no ties:
// (concordant − discordant) / √(pairs · untied pairs). NaN where y is constant.
func tauB(y []int) float64 {
	balance, untied := 0, 0
	for i, a := range y {
		for _, b := range y[i+1:] {
			switch {
			case b > a:
				balance++
				untied++
			case b < a:
				balance--
				untied++
			}
		}
	}
	pairs := len(y) * (len(y) - 1) / 2
	return float64(balance) / math.Sqrt(float64(pairs)*float64(untied))
}
