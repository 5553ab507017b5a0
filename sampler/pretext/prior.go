package pretext

// Prior is how often each colour occurs, learned from the pictures as they come. Most of the world is pale,
// so Zhang et al. 2016 (arXiv:1603.08511) weigh each place by how rare its colour is. They count once over
// ImageNet and smooth with a Gaussian; here the soft targets, smooth already, are counted, and old ones fade.
//
// All of its state is exported, to be saved with the model.
type Prior struct {
	Count []float64 // per bin, of targets
	Decay float64   // what remains of Count when a batch is added; 1 forgets nothing
}

// rareness is λ, the share of the uniform distribution that p is mixed with.
const rareness = 0.5

// NewPrior has seen nothing.
func NewPrior(decay float64) Prior { return Prior{make([]float64, ColourBins), decay} }

// Add counts the targets of a batch, as Encode wrote them and before Rebalance: gray pictures have no weight and do not count.
func (p *Prior) Add(index []int32, weight []float32) {
	for i := range p.Count {
		p.Count[i] *= p.Decay
	}
	for i, w := range weight {
		p.Count[index[i]] += float64(w)
	}
}

// Weights writes the weight of each bin, ((1−λ)p + λ/Q)⁻¹ with λ = 0.5, scaled so that the mean weight
// under p is 1. As long as nothing was counted all are 1.
func (p *Prior) Weights(dst []float32) {
	q := float64(len(p.Count))
	var sum float64
	for _, n := range p.Count {
		sum += n
	}
	if sum == 0 {
		for i := range p.Count {
			dst[i] = 1
		}
		return
	}
	var mean float64
	for _, n := range p.Count {
		share := n / sum
		mean += share / ((1-rareness)*share + rareness/q)
	}
	for i, n := range p.Count {
		dst[i] = float32(1 / ((1-rareness)*n/sum + rareness/q) / mean)
	}
}

// Rebalance multiplies the weights of each place by that of its nearest bin, as the paper does with
// v = w[argmax]. index and weight are (places, K) as Encode wrote them. What the cross entropy of a place
// is multiplied by also multiplies its gradient, so this needs no op of its own as in the released code.
func Rebalance(index []int32, weight []float32, neighbours int, bins []float32) {
	for at := 0; at < len(index); at += neighbours {
		w := bins[index[at]]
		for k := at; k < at+neighbours; k++ {
			weight[k] *= w
		}
	}
}
