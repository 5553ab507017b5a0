package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// nceTwin is NCE by the book, for a given Z.
func nceTwin(f []float64, d int, in *NoiseSample, z, temperature, proximal float64) float64 {
	n := len(f) / d
	m := len(in.Index) / n
	bank, positive := double(in.Bank), double(in.Positive)
	ratio := float64(m) / float64(in.Live)
	total := 0.0
	for i := range n {
		row, own := f[i*d:(i+1)*d], positive[i*d:(i+1)*d]
		p := math.Exp(inner(row, own)/temperature) / z
		total -= math.Log(p / (p + ratio))
		for _, j := range in.Index[i*m : (i+1)*m] {
			p := math.Exp(inner(row, bank[int(j)*d:int(j+1)*d])/temperature) / z
			total -= math.Log(ratio / (p + ratio))
		}
		for k := range d {
			total += proximal * (row[k] - own[k]) * (row[k] - own[k])
		}
	}
	return total / float64(n)
}

// noise is a sample of m draws for each of n embeddings from a bank of k.
func noise(n, d, k, m int) *NoiseSample {
	r := seed.New(uint64(m)).At("noise").Rand()
	in := &NoiseSample{Positive: units(r, n, d), Bank: units(r, k, d), Live: k}
	for range n * m {
		in.Index = append(in.Index, int32(r.IntN(k)))
	}
	return in
}

func TestNCEEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d, k, m int
		proximal   float32
	}{{1, 2, 1, 1, 0}, {3, 8, 20, 5, 30}, {20, 16, 500, 64, 0}, {20, 6, 500, 64, 1}} {
		in := noise(c.n, c.d, c.k, c.m)
		f := rows(units(seed.New(9).Rand(), c.n, c.d), c.d)
		z := Partition{Momentum: 0.99}
		var told Contrast
		const temperature = float32(0.2)
		value, slopes := evaluate(t, 1, []array{f}, func(n []*G.Node) (*G.Node, error) { return NCE(n[0], in, &z, temperature, c.proximal, &told) })
		agrees(t, "NCE", value, slopes, []array{f}, func(x [][]float64) float64 {
			return nceTwin(x[0], c.d, in, z.Z(in.Live), float64(temperature), float64(c.proximal))
		})
		if c.proximal == 0 && told.Loss != float32(value) || c.proximal > 0 && !(told.Loss < float32(value)) || told.Bounded {
			t.Errorf("%+v: loss %v, told %+v", c, value, told)
		}
	}
}

// Values of testdata/gen/nce.py.
func TestNCEEqualsPyTorch(t *testing.T) {
	var ref struct {
		D, Live               int
		Temperature, Proximal float32
		F, Gradient           []float32
		Positive, Bank        []float32
		Index                 []int32
		Z, Loss               float64
	}
	golden(t, "nce", &ref)
	z := Partition{Momentum: 0.99}
	value, slopes := evaluate(t, 1, []array{rows(ref.F, ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return NCE(n[0], &NoiseSample{ref.Positive, ref.Bank, ref.Index, ref.Live}, &z, ref.Temperature, ref.Proximal, new(Contrast))
	})
	near(t, "NCE", value, ref.Loss, 1e-5*(1+ref.Loss))
	near(t, "Z", z.Z(ref.Live)/ref.Z, 1, 1e-6)
	same(t, "NCE's gradient", slopes[0], ref.Gradient)
}

// When everything scores alike, Z makes P = 1/n, and the loss is ln(m+1) + m·ln(1+1/m) whatever n.
func TestNCEAtChance(t *testing.T) {
	for _, live := range []int{1, 5000, 1281167} {
		in := &NoiseSample{Positive: []float32{0, 1}, Bank: []float32{0, 1}, Index: make([]int32, 4096), Live: live}
		z := Partition{Momentum: 0.99}
		var told Contrast
		value, _ := evaluate(t, 1, []array{rows([]float32{0, 1}, 2)}, func(n []*G.Node) (*G.Node, error) { return NCE(n[0], in, &z, 0.07, 0, &told) })
		near(t, "the loss at chance", value, 9.318, 1e-3)
		near(t, "the accuracy at chance", float64(told.Accuracy), 0, 0)
	}
}

// Random unit vectors of 128 numbers at T = 0.07 have E exp(v·f/T) = 2.209; for the 1,281,167 pictures of
// ImageNet that makes Z = 2.83 million.
func TestZOfRandomUnitVectors(t *testing.T) {
	in := noise(64, 128, 20000, 1024)
	in.Live = 1281167
	z := Partition{Momentum: 0.99}
	f := units(seed.New(9).Rand(), 64, 128)
	evaluate(t, 1, []array{rows(f, 128)}, func(n []*G.Node) (*G.Node, error) { return NCE(n[0], in, &z, 0.07, 0, new(Contrast)) })
	near(t, "E exp(v·f/T)", z.Mean, 2.209, 0.05)
	near(t, "Z for ImageNet", z.Z(in.Live)/2.83e6, 1, 0.025)
}

func TestZIsARunningMeanThatTheFirstBatchSets(t *testing.T) {
	z := Partition{Momentum: 0.99}
	z.see(5)
	near(t, "Z after one batch", z.Z(10), 50, 1e-12)
	z.see(7)
	near(t, "Z after two", z.Z(10), 50.2, 1e-12)
	near(t, "Z of a bank that has grown", z.Z(20), 100.4, 1e-12)
}

func TestNCERefusesWhatDoesNotFit(t *testing.T) {
	f := []array{rows(make([]float32, 6), 3)}
	good := func() *NoiseSample {
		return &NoiseSample{Positive: make([]float32, 6), Bank: make([]float32, 9), Index: []int32{0, 1, 2, 0}, Live: 3}
	}
	with := func(change func(*NoiseSample), momentum float64, temperature, proximal float32) error {
		in := good()
		change(in)
		return refusal(f, func(n []*G.Node) (*G.Node, error) {
			return NCE(n[0], in, &Partition{Momentum: momentum}, temperature, proximal, new(Contrast))
		})
	}
	as := func(*NoiseSample) {}
	if err := with(as, 0.99, 0.07, 0); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"zero temperature":            with(as, 0.99, 0, 0),
		"a negative proximal weight":  with(as, 0.99, 0.07, -1),
		"momentum 1":                  with(as, 1, 0.07, 0),
		"positives of another size":   with(func(in *NoiseSample) { in.Positive = nil }, 0.9, 0.07, 0),
		"half a row of bank":          with(func(in *NoiseSample) { in.Bank = in.Bank[1:] }, 0.9, 0.07, 0),
		"no noise":                    with(func(in *NoiseSample) { in.Index = nil }, 0.9, 0.07, 0),
		"noise for half an embedding": with(func(in *NoiseSample) { in.Index = in.Index[1:] }, 0.9, 0.07, 0),
		"noise from beyond the bank":  with(func(in *NoiseSample) { in.Index[1] = 3 }, 0.9, 0.07, 0),
		"nothing alive":               with(func(in *NoiseSample) { in.Live = 0 }, 0.9, 0.07, 0),
	})
}

func BenchmarkNCE(b *testing.B) {
	in := noise(64, 128, 65536, 4096)
	f := units(seed.New(9).Rand(), 64, 128)
	df := make([]float32, len(f))
	e := &estimation{n: 64, d: 128, inverse: 1 / 0.07}
	z := Partition{Momentum: 0.99}
	var c Contrast
	for b.Loop() {
		z.see(e.score(f, in))
		e.estimate(f, in, z.Z(in.Live), df, &c)
	}
}
