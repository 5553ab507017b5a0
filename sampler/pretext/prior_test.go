package pretext

import "testing"

func TestPriorWeightsHaveMeanOneUnderThePrior(t *testing.T) {
	p, w := NewPrior(1), make([]float32, ColourBins)
	p.Weights(w)
	for q := range w {
		if w[q] != 1 {
			t.Fatalf("bin %d weighs %v before anything was seen", q, w[q])
		}
	}
	r := generator(1)
	index, weight := make([]int32, 5000), make([]float32, 5000)
	for i := range index {
		index[i] = int32(min(r.IntN(ColourBins), r.IntN(ColourBins), r.IntN(ColourBins)))
		weight[i] = r.Float32()
	}
	p.Add(index, weight)
	p.Weights(w)
	var sum, mean float64
	for _, n := range p.Count {
		sum += n
	}
	for q, n := range p.Count {
		mean += n / sum * float64(w[q])
		// Weights keep the ratios of the paper's formula.
		want := (0.5*p.Count[0]/sum + 0.5/313) / (0.5*n/sum + 0.5/313)
		if !near(float64(w[q]/w[0]), want, 1e-4*want) {
			t.Fatalf("bin %d weighs %v of the first instead of %v", q, w[q]/w[0], want)
		}
	}
	if !near(mean, 1, 1e-6) {
		t.Errorf("the mean weight is %v", mean)
	}
}

func TestPriorForgetsByItsDecay(t *testing.T) {
	p := NewPrior(0.75)
	p.Add([]int32{3, 3, 8}, []float32{1, 0.5, 2})
	p.Add([]int32{8}, []float32{1})
	if p.Count[3] != 0.75*1.5 || p.Count[8] != 0.75*2+1 {
		t.Errorf("counts %v and %v", p.Count[3], p.Count[8])
	}
}

func TestRebalanceWeighsPlacesByTheirNearestBin(t *testing.T) {
	bins := []float32{10, 20, 30}
	weight := []float32{0.75, 0.25, 0.5, 0.5, 0, 0}
	Rebalance([]int32{2, 0, 1, 2, 0, 1}, weight, 2, bins)
	for i, want := range []float32{22.5, 7.5, 10, 10, 0, 0} {
		if weight[i] != want {
			t.Errorf("weight %d is %v instead of %v", i, weight[i], want)
		}
	}
}
