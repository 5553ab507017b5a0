package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/model/kernel"
)

// Contrast is what a contrastive loss tells about a batch beside its value.
type Contrast struct {
	Loss       float32 // mean over queries, without regularisers; nats where it is a cross entropy
	Positive   float32 // mean score of the positives: q·k, or minus the squared distance
	Negative   float32 // mean score of the negatives in use
	Accuracy   float32 // share of queries whose positive scores highest
	Candidates float32 // mean of ln N, N = one positive and the negatives in use; 0 where the loss bounds nothing
	Bounded    bool    // MIBound means something
}

// MIBound is the lower bound ln N − L on the mutual information of the two views, in nats (van den Oord
// et al. 2018, arXiv:1807.03748, §2.3). It can never exceed ln N. Only losses that say Bounded have one.
func (c Contrast) MIBound() float32 { return c.Candidates - c.Loss }

// Gap is by how much positives outscore negatives: score(f(x), f(x⁺)) − score(f(x), f(x⁻)).
func (c Contrast) Gap() float32 { return c.Positive - c.Negative }

// What two rows are to each other.
const (
	negative int8 = iota - 1
	neither
	positive
)

// tally gathers a Contrast out of rows of scores.
type tally struct {
	positives, negatives, hits, queries int
	positive, negative, candidates      float64
}

// row takes the scores of one query with everything; kind says what each is to it. A query is a hit if its
// best positive scores above every negative: a tie is none, or a collapsed encoder would look perfect.
func (t *tally) row(scores []float32, kind func(j int) int8) {
	best, worst := math.Inf(-1), math.Inf(-1) // of the positives, of the negatives
	mine, others := 0, 0
	for j, s := range scores {
		switch v := float64(s); kind(j) {
		case positive:
			mine++
			t.positive += v
			best = max(best, v)
		case negative:
			others++
			t.negative += v
			worst = max(worst, v)
		}
	}
	t.positives += mine
	t.negatives += others
	if mine > 0 {
		t.queries++
		t.candidates += math.Log(float64(1 + others))
		if best > worst {
			t.hits++
		}
	}
}

// told is what was gathered, for a loss that has a bound on mutual information or none.
func (t *tally) told(loss float64, bounded bool) Contrast {
	c := Contrast{Loss: float32(loss), Bounded: bounded}
	if t.positives > 0 {
		c.Positive = float32(t.positive / float64(t.positives))
		c.Accuracy = float32(t.hits) / float32(t.queries)
		if bounded {
			c.Candidates = float32(t.candidates / float64(t.queries))
		}
	}
	if t.negatives > 0 {
		c.Negative = float32(t.negative / float64(t.negatives))
	}
	return c
}

// tallyTile is how many rows of scores are held at a time.
const tallyTile = 256

// tallyProducts gathers over the scores a·bᵀ of the rows of a (n, d) with those of b (m, d).
func tallyProducts(a, b []float32, n, m, d int, kind func(i, j int) int8) *tally {
	t := new(tally)
	scores := make([]float32, min(n, tallyTile)*m)
	for from := 0; from < n; from += tallyTile {
		rows := min(tallyTile, n-from)
		kernel.Gemm(scores, a[from*d:], b, rows, m, d)
		for r := range rows {
			t.row(scores[r*m:(r+1)*m], func(j int) int8 { return kind(from+r, j) })
		}
	}
	return t
}

// matrix is the shape of a node that must be (rows, d).
func matrix(loss, what string, n *G.Node) (rows, d int, err error) {
	if n == nil || n.Dims() != 2 || n.Shape()[0] < 1 || n.Shape()[1] < 1 {
		return 0, 0, fmt.Errorf("%s takes %s of shape (rows, d), not %v", loss, what, shapeOf(n))
	}
	return n.Shape()[0], n.Shape()[1], nil
}

// views is the shape of a node that must be (2N, d): two views of N things, thing i in the rows i and i+N.
func views(loss, what string, node *G.Node) (n, d int, err error) {
	rows, d, err := matrix(loss, what, node)
	if err == nil && rows%2 != 0 {
		err = fmt.Errorf("%s takes %s of two views each, rows i and i+N, and cannot halve %d rows", loss, what, rows)
	}
	return rows / 2, d, err
}

func shapeOf(n *G.Node) any {
	if n == nil {
		return "nothing"
	}
	return n.Shape()
}

// finitePositive refuses temperatures, margins and the like that are not.
func finitePositive(loss, what string, x float32) error {
	if !(x > 0) || math.IsInf(float64(x), 0) {
		return fmt.Errorf("%s takes a positive %s, not %v", loss, what, x)
	}
	return nil
}

// notNegative refuses weights of regularisers that are negative or no number.
func notNegative(loss, what string, x float32) error {
	if !(x >= 0) || math.IsInf(float64(x), 0) {
		return fmt.Errorf("%s takes a %s of 0 or more, not %v", loss, what, x)
	}
	return nil
}
