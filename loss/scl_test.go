package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// sclTwin is the loss by its formula, one pair after the other.
func sclTwin(z []float64, d int, near []float32, temperature float64) float64 {
	n := len(z) / d / 2
	a, b := z[:n*d], z[n*d:]
	one := func(i int, from, to []float64, w func(j int) float64) float64 {
		var scores []float64
		mass, sum := 0.0, 0.0
		for j := range n {
			if w(j) >= 0 {
				s := inner(from[i*d:(i+1)*d], to[j*d:(j+1)*d]) / temperature
				scores = append(scores, s)
				mass += w(j)
				sum += w(j) * s
			}
		}
		return logSumExp(scores) - sum/mass
	}
	loss := 0.0
	for i := range n {
		loss += one(i, a, b, func(j int) float64 { return float64(near[i*n+j]) }) + one(i, b, a, func(j int) float64 { return float64(near[j*n+i]) })
	}
	return loss / float64(2*n)
}

// gaussian is the nearness of n frames at times i², of which every third belongs to another recording.
func gaussian(n int, sigma float64) *Nearness {
	in := &Nearness{make([]float32, n*n)}
	for i := range n {
		for j := range n {
			gap := float64(i*i - j*j)
			if in.Of[i*n+j] = float32(math.Exp(-gap * gap / (2 * sigma * sigma))); (i%3 == 0) != (j%3 == 0) {
				in.Of[i*n+j] = apart
			}
		}
	}
	return in
}

func TestSCLEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d        int
		sigma       float64
		temperature float32
	}{{1, 2, 1, 0.1}, {7, 4, 2, 0.5}, {32, 8, 10, 0.1}} {
		z := rows(units(seed.New(uint64(c.n)).Rand(), 2*c.n, c.d), c.d)
		in := gaussian(c.n, c.sigma)
		value, slopes := evaluate(t, 1, []array{z}, func(n []*G.Node) (*G.Node, error) { return SCL(n[0], in, c.temperature, new(Contrast)) })
		agrees(t, "SCL", value, slopes, []array{z}, func(x [][]float64) float64 { return sclTwin(x[0], c.d, in.Of, float64(c.temperature)) })
	}
}

// Values of testdata/gen/scl.py.
func TestSCLEqualsPyTorch(t *testing.T) {
	var ref struct {
		D                 int
		Temperature       float32
		Z, Near, Gradient []float32
		Loss              float64
	}
	golden(t, "scl", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.Z, ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return SCL(n[0], &Nearness{ref.Near}, ref.Temperature, new(Contrast))
	})
	near(t, "SCL", value, ref.Loss, 1e-5)
	same(t, "SCL's gradient", slopes[0], ref.Gradient)
}

// With targets of no width and in one direction after the other, it is InfoNCE in the batch: ln N at chance.
func TestSCLAtChance(t *testing.T) {
	const n = 64
	in := &Nearness{make([]float32, n*n)}
	for i := range n {
		in.Of[i*n+i] = 1
	}
	var told Contrast
	value, _ := evaluate(t, 1, []array{rows(make([]float32, 2*n*4), 4)}, func(x []*G.Node) (*G.Node, error) { return SCL(x[0], in, 0.1, &told) })
	near(t, "the loss at chance", value, math.Log(n), 1e-5)
	if told.Accuracy != 0 || told.Bounded {
		t.Errorf("a collapsed batch is told of as %+v", told)
	}
}

func TestSCLRefusesWhatDoesNotFit(t *testing.T) {
	with := func(rowCount int, temperature float32, near ...float32) error {
		return refusal([]array{rows(make([]float32, rowCount*2), 2)}, func(n []*G.Node) (*G.Node, error) {
			return SCL(n[0], &Nearness{near}, temperature, new(Contrast))
		})
	}
	if err := with(4, 0.1, 1, 0, -1, 1); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"an odd number of rows":            with(3, 0.1, 1),
		"nearness of fewer frames":         with(4, 0.1, 1),
		"nearness above 1":                 with(4, 0.1, 1, 2, 0, 1),
		"a nearness that is no number":     with(4, 0.1, 1, float32(math.NaN()), 0, 1),
		"a frame that is not near itself":  with(4, 0.1, 1, 0, 0, 0.5),
		"a temperature of nothing":         with(4, 0, 1, 0, 0, 1),
		"a temperature that is no number":  with(4, float32(math.NaN()), 1, 0, 0, 1),
		"a frame not compared with itself": with(4, 0.1, -1, 0, 0, 1),
	})
}
