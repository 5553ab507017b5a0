package twin

import "math"

// Classified is what SoftmaxCE measures.
type Classified struct {
	Loss, Accuracy float64
	Rows           int
}

// SoftmaxCE is the loss of package kernel and its gradient toward the logits, with all probabilities
// written out.
func SoftmaxCE(logits []float32, n, c int, index []int32, weight []float32, k int, rowWeight []float32) (Classified, []float32) {
	var s Classified
	grad := make([]float64, n*c)
	for i := range n {
		if index[i*k] >= 0 {
			s.Rows++
		}
	}
	for i := range n {
		if index[i*k] < 0 {
			continue
		}
		z, target := logits[i*c:i*c+c], make([]float64, c)
		best, top, most := 0, int32(0), math.Inf(-1)
		for j, v := range z {
			if v > z[best] {
				best = j
			}
		}
		for j := range k {
			w := 1.0
			if weight != nil {
				w = float64(weight[i*k+j])
			}
			target[index[i*k+j]] += w
			if w > most {
				top, most = index[i*k+j], w
			}
		}
		sum, total := 0.0, 0.0
		for j, v := range z {
			sum += math.Exp(float64(v - z[best]))
			total += target[j]
		}
		scale := 1 / float64(s.Rows)
		if rowWeight != nil {
			scale *= float64(rowWeight[i])
		}
		for j, v := range z {
			p := math.Exp(float64(v-z[best])) / sum
			s.Loss -= scale * target[j] * (float64(v-z[best]) - math.Log(sum))
			grad[i*c+j] = scale * (p*total - target[j])
		}
		if int(top) == best {
			s.Accuracy += 1 / float64(s.Rows)
		}
	}
	return s, narrow(grad)
}
