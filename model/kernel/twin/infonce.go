package twin

import (
	"math"
	"slices"
)

// Contrast is what InfoNCE measures.
type Contrast struct {
	Loss, Positive, Negative, Accuracy, Candidates float64
}

// InfoNCE is the loss of package kernel and its gradient toward q, with all scores written out.
func InfoNCE(q, k, bank []float32, n, d int, temperature float64, maskRow, maskSlot []int32) (Contrast, []float32) {
	var c Contrast
	dq, pairs := make([]float64, n*d), 0.0
	for i := range n {
		row := q[i*d : i*d+d]
		keys := [][]float32{k[i*d : i*d+d]}
		for j := range len(bank) / d {
			if maskRow != nil && slices.Contains(maskSlot[maskRow[i]:maskRow[i+1]], int32(j)) {
				continue
			}
			keys = append(keys, bank[j*d:j*d+d])
		}
		scores, sum, top := make([]float64, len(keys)), 0.0, math.Inf(-1)
		for j, key := range keys {
			scores[j] = dot(row, key)
			top = max(top, scores[j])
		}
		for _, s := range scores {
			sum += math.Exp((s - top) / temperature)
		}
		for j, key := range keys {
			p := math.Exp((scores[j]-top)/temperature) / sum
			if j == 0 {
				c.Loss -= math.Log(p) / float64(n)
				p--
			} else {
				c.Negative += scores[j]
				pairs++
			}
			for x := range d {
				dq[i*d+x] += p * float64(key[x]) / temperature / float64(n)
			}
		}
		c.Positive += scores[0] / float64(n)
		c.Candidates += math.Log(float64(len(keys))) / float64(n)
		if len(scores) == 1 || scores[0] > slices.Max(scores[1:]) {
			c.Accuracy += 1 / float64(n)
		}
	}
	if pairs > 0 {
		c.Negative /= pairs
	}
	return c, narrow(dq)
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}
