package loss

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// npidTwin is a softmax over all instances that are not masked; an embedding's own always counts.
func npidTwin(f []float64, d int, in *Instances, temperature float64) float64 {
	n, bank := len(f)/d, double(in.Bank)
	total := 0.0
	for i := range n {
		var scores []float64
		for j := range len(bank) / d {
			if int32(j) == in.Own[i] || !slices.Contains(in.masked(i), int32(j)) {
				scores = append(scores, inner(f[i*d:(i+1)*d], bank[j*d:(j+1)*d])/temperature)
			}
		}
		own := int(in.Own[i])
		total += logSumExp(scores) - inner(f[i*d:(i+1)*d], bank[own*d:(own+1)*d])/temperature
	}
	return total / float64(n)
}

func TestNPIDEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d, k int
		masked  bool
	}{{1, 2, 1, false}, {4, 8, 30, false}, {4, 8, 30, true}, {30, 16, 600, true}} {
		r := seed.New(uint64(c.k)).Rand()
		f, in := rows(units(r, c.n, c.d), c.d), &Instances{Bank: units(r, c.k, c.d)}
		for range c.n {
			in.Own = append(in.Own, int32(r.IntN(c.k)))
		}
		if c.masked {
			in.Row, in.Slot = someMask(r, c.n, c.k)
		}
		var told Contrast
		value, slopes := evaluate(t, 1, []array{f}, func(n []*G.Node) (*G.Node, error) { return NPID(n[0], in, 0.1, &told) })
		agrees(t, "NPID", value, slopes, []array{f}, func(x [][]float64) float64 { return npidTwin(x[0], c.d, in, float64(float32(0.1))) })
		if !c.masked {
			near(t, "candidates", float64(told.Candidates), math.Log(float64(c.k)), 1e-5)
		}
	}
}

// Values of testdata/gen/nce.py: cross entropy over the whole bank.
func TestNPIDEqualsPyTorch(t *testing.T) {
	var ref struct {
		D               int
		Temperature     float32
		F, Bank         []float32
		Own             []int32
		Softmax         float64
		SoftmaxGradient []float32
	}
	golden(t, "nce", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.F, ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return NPID(n[0], &Instances{Bank: ref.Bank, Own: ref.Own}, ref.Temperature, new(Contrast))
	})
	near(t, "NPID", value, ref.Softmax, 1e-5)
	same(t, "NPID's gradient", slopes[0], ref.SoftmaxGradient)
}

func TestNPIDRefusesWhatDoesNotFit(t *testing.T) {
	f := []array{rows(make([]float32, 6), 3)}
	with := func(in Instances, temperature float32) error {
		return refusal(f, func(n []*G.Node) (*G.Node, error) { return NPID(n[0], &in, temperature, new(Contrast)) })
	}
	bank := make([]float32, 9)
	if err := with(Instances{Bank: bank, Own: []int32{0, 2}, Row: []int32{0, 1, 2}, Slot: []int32{2, 0}}, 1); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"zero temperature":      with(Instances{Bank: bank, Own: []int32{0, 2}}, 0),
		"one row of two":        with(Instances{Bank: bank, Own: []int32{0}}, 1),
		"a row beyond the bank": with(Instances{Bank: bank, Own: []int32{0, 3}}, 1),
		"half a row of bank":    with(Instances{Bank: bank[1:], Own: []int32{0, 1}}, 1),
		"a mask of one query":   with(Instances{Bank: bank, Own: []int32{0, 1}, Row: []int32{0, 0}}, 1),
		"a mask out of order":   with(Instances{Bank: bank, Own: []int32{0, 1}, Row: []int32{0, 2, 2}, Slot: []int32{1, 0}}, 1),
		"a mask beyond":         with(Instances{Bank: bank, Own: []int32{0, 1}, Row: []int32{0, 1, 1}, Slot: []int32{3}}, 1),
	})
}
