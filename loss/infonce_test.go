package loss

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/nearfar/nearfar/internal/seed"
)

// run puts InfoNCE into a graph and returns loss, ∂L/∂q and what else it tells.
func run(t *testing.T, q, keys []float32, d int, neg *Negatives, temperature float32) (float64, []float32, Contrast) {
	t.Helper()
	g := G.NewGraph()
	n := len(q) / d
	node := G.NewMatrix(g, tensor.Float32, G.WithShape(n, d), G.WithName("q"),
		G.WithValue(tensor.New(tensor.WithShape(n, d), tensor.WithBacking(slices.Clone(q)))))
	var c Contrast
	cost, err := InfoNCE(node, keys, neg, temperature, &c)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := G.Grad(cost, node)
	if err != nil {
		t.Fatal(err)
	}
	var value, slope G.Value
	G.Read(cost, &value)
	G.Read(grads[0], &slope)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	return float64(value.Data().(float32)), slices.Clone(slope.Data().([]float32)), c
}

// twin is InfoNCE by the book, one query after another, in float64.
func twin(q, keys []float32, d int, neg *Negatives, temperature float64) float64 {
	n, k := len(q)/d, len(neg.Keys)/d
	scale := func(j int) float64 {
		if neg.Scale == nil {
			return 1
		}
		return float64(neg.Scale[j])
	}
	dot := func(a, b []float32) (s float64) {
		for i := range a {
			s += float64(a[i]) * float64(b[i])
		}
		return s
	}
	total := 0.0
	for i := range n {
		row := q[i*d : (i+1)*d]
		positive := dot(row, keys[i*d:(i+1)*d]) / temperature
		sum := math.Exp(positive)
		for j := range k {
			if neg.Row == nil || !slices.Contains(neg.Slot[neg.Row[i]:neg.Row[i+1]], int32(j)) {
				sum += math.Exp(scale(j) * dot(row, neg.Keys[j*d:(j+1)*d]) / temperature)
			}
		}
		total -= positive - math.Log(sum)
	}
	return total / float64(n)
}

func someMask(r *rand.Rand, n, k int) (row, slot []int32) {
	row = []int32{0}
	for range n {
		for j := range k {
			if r.IntN(4) == 0 {
				slot = append(slot, int32(j))
			}
		}
		row = append(row, int32(len(slot)))
	}
	return row, slot
}

func TestInfoNCEEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ n, d, k int }{{1, 2, 1}, {3, 8, 0}, {5, 16, 37}, {4, 32, 700}, {64, 128, 4096}} {
		r := seed.New(uint64(c.k)).Rand()
		q, keys, neg := units(r, c.n, c.d), units(r, c.n, c.d), &Negatives{Keys: units(r, c.k, c.d)}
		neg.Row, neg.Slot = someMask(r, c.n, c.k)
		if c.k%2 == 1 { // keys that aged
			for j := range c.k {
				neg.Scale = append(neg.Scale, float32(math.Pow(0.99, float64(j))))
			}
		}
		const temperature = 0.2
		got, slope, _ := run(t, q, keys, c.d, neg, temperature)
		if want := twin(q, keys, c.d, neg, temperature); math.Abs(got-want) > 1e-5*(1+want) {
			t.Errorf("%+v: loss %.7f, twin %.7f", c, got, want)
		}
		for range 8 {
			i := r.IntN(len(q))
			const h = 1e-3
			moved := func(by float32) float64 {
				p := slices.Clone(q)
				p[i] += by
				return twin(p, keys, c.d, neg, temperature)
			}
			if want := (moved(h) - moved(-h)) / (2 * h); math.Abs(float64(slope[i])-want) > 1e-4 {
				t.Errorf("%+v: ∂L/∂q[%d] is %.6f, finite differences say %.6f", c, i, slope[i], want)
			}
		}
	}
}

// Values of testdata/gen/infonce.py (torch 1.13, seed 0).
func TestInfoNCEEqualsPyTorch(t *testing.T) {
	var ref struct {
		Temperature                float32
		D                          int
		Query, Key, Bank, Gradient []float32
		Masked                     [][]int32
		Loss                       float64
	}
	golden(t, "infonce", &ref)
	neg := &Negatives{Keys: ref.Bank, Row: []int32{0}}
	for _, slots := range ref.Masked {
		neg.Slot = append(neg.Slot, slots...)
		neg.Row = append(neg.Row, int32(len(neg.Slot)))
	}
	got, slope, _ := run(t, ref.Query, ref.Key, ref.D, neg, ref.Temperature)
	if math.Abs(got-ref.Loss) > 1e-5 {
		t.Errorf("loss %.7f, PyTorch %.7f", got, ref.Loss)
	}
	for i, want := range ref.Gradient {
		if math.Abs(float64(slope[i]-want)) > 1e-5 {
			t.Errorf("gradient %d is %.7f, PyTorch %.7f", i, slope[i], want)
		}
	}
}

// At chance, when all scores are equal, the loss is ln(K+1) and the bound on mutual information zero; with
// a perfect match among orthogonal keys the bound comes close to its ceiling and never passes it.
func TestInfoNCEAtChanceAndAtItsCeiling(t *testing.T) {
	for k, want := range map[int]float64{256: 5.549, 4096: 8.318, 16384: 9.704, 65536: 11.090} {
		neg := &Negatives{Keys: make([]float32, k*2)}
		for j := range k {
			neg.Keys[2*j] = 1
		}
		got, _, c := run(t, []float32{1, 0}, []float32{1, 0}, 2, neg, 0.07)
		if math.Abs(got-want) > 1e-3 || math.Abs(float64(c.MIBound())) > 1e-3 {
			t.Errorf("K = %d at chance: loss %.4f, want %.3f; MI bound %.4f, want 0", k, got, want, c.MIBound())
		}
		for j := range k {
			neg.Keys[2*j], neg.Keys[2*j+1] = 0, 1
		}
		_, _, c = run(t, []float32{1, 0}, []float32{1, 0}, 2, neg, 0.03)
		if bound := float64(c.MIBound()); bound > math.Log(float64(k+1))+1e-5 || bound < want-0.01 {
			t.Errorf("K = %d with a perfect match: MI bound %.4f, ceiling %.3f", k, bound, want)
		}
		if c.Accuracy != 1 || math.Abs(float64(c.Gap())-1) > 1e-5 {
			t.Errorf("K = %d with a perfect match: %+v", k, c)
		}
	}
}

// With keys that aged to nothing, every one scores 0, whatever it was.
func TestKeysThatAgedToNothingAllScoreTheSame(t *testing.T) {
	r := seed.New(2).Rand()
	neg := &Negatives{Keys: units(r, 9, 4), Scale: make([]float32, 9)}
	got, _, c := run(t, []float32{0, 1, 0, 0}, []float32{1, 0, 0, 0}, 4, neg, 0.1)
	near(t, "the loss", got, math.Log(10), 1e-5)
	near(t, "the negatives' score", float64(c.Negative), 0, 0)
}

func TestInfoNCERefusesWhatDoesNotFit(t *testing.T) {
	q := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithShape(2, 3), G.WithName("q"))
	var c Contrast
	refuses(t, map[string]error{
		"keys of another size":   second(InfoNCE(q, make([]float32, 5), &Negatives{}, 0.1, &c)),
		"zero temperature":       second(InfoNCE(q, make([]float32, 6), &Negatives{}, 0, &c)),
		"negative temperature":   second(InfoNCE(q, make([]float32, 6), &Negatives{}, -1, &c)),
		"temperature not finite": second(InfoNCE(q, make([]float32, 6), &Negatives{}, float32(math.NaN()), &c)),
		"scales of other keys": refusal([]array{rows(make([]float32, 6), 3)}, func(n []*G.Node) (*G.Node, error) {
			return InfoNCE(n[0], make([]float32, 6), &Negatives{Keys: make([]float32, 6), Scale: make([]float32, 3)}, 0.1, &c)
		}),
	})
}

func second(_ *G.Node, err error) error { return err }
