package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// distillTwin is Distill by the book.
func distillTwin(single, joint []float64, n, m, classes int, of []int32, temperature float64) float64 {
	ce, labelled, kl := 0.0, 0.0, 0.0
	for i := range n {
		row := single[i*classes : (i+1)*classes]
		if of[i] >= 0 {
			ce += logSumExp(row) - row[of[i]]
			labelled++
		}
		a, s := make([]float64, classes), make([]float64, classes)
		for y := range classes {
			for t := range m {
				a[y] += joint[(i*m+t)*classes*m+y*m+t] / float64(m) / temperature
			}
			s[y] = row[y] / temperature
		}
		for y := range classes {
			p := math.Exp(a[y] - logSumExp(a))
			kl += p * ((a[y] - logSumExp(a)) - (s[y] - logSumExp(s)))
		}
	}
	return ce/math.Max(1, labelled) + temperature*temperature*kl/float64(n)
}

func TestDistillEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, m, classes int
		temperature   float32
	}{{1, 1, 2, 1}, {5, 4, 3, 1}, {12, 6, 10, 3}} {
		r := seed.New(uint64(c.n)).Rand()
		single, joint := rows(normals(r, c.n*c.classes), c.classes), rows(normals(r, c.n*c.m*c.classes*c.m), c.classes*c.m)
		labels := &Labels{}
		for range c.n {
			labels.Of = append(labels.Of, int32(r.IntN(c.classes+1))-1)
		}
		value, slopes := evaluate(t, 1, []array{single, joint}, func(n []*G.Node) (*G.Node, error) {
			return Distill(n[1], n[0], labels, c.temperature, new(Told))
		})
		agrees(t, "Distill", value, slopes, []array{single}, func(x [][]float64) float64 {
			return distillTwin(x[0], double(joint.x), c.n, c.m, c.classes, labels.Of, float64(c.temperature))
		})
	}
}

// Values of testdata/gen/sla.py.
func TestDistillEqualsPyTorch(t *testing.T) {
	var ref struct {
		N, M, Classes                      int
		Temperature                        float32
		Joint, Single, Aggregate, Gradient []float32
		Label                              []int32
		Loss                               float64
	}
	golden(t, "sla", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.Single, ref.Classes), rows(ref.Joint, ref.Classes*ref.M)}, func(n []*G.Node) (*G.Node, error) {
		return Distill(n[1], n[0], &Labels{ref.Label}, ref.Temperature, new(Told))
	})
	near(t, "Distill", value, ref.Loss, 1e-5)
	same(t, "Distill's gradient", slopes[0], ref.Gradient)
	got := make([]float32, ref.N*ref.Classes)
	Aggregate(got, ref.Joint, ref.N, ref.M, ref.Classes)
	same(t, "the aggregate", got, ref.Aggregate)
}

func TestDistillOfAgreementIsCrossEntropy(t *testing.T) {
	single := []float32{1, 2, -1, 0, 3, 0.5}
	joint := make([]float32, 2*2*3*2)
	for i := range 2 {
		for k := range 2 {
			for y := range 3 {
				joint[(i*2+k)*6+y*2+k] = single[i*3+y]
				joint[(i*2+k)*6+y*2+1-k] = 99 // speaks of the other transformation
			}
		}
	}
	labels := &Labels{[]int32{1, 2}}
	var told Told
	value, slopes := evaluate(t, 1, []array{rows(single, 3), rows(joint, 6)}, func(n []*G.Node) (*G.Node, error) { return Distill(n[1], n[0], labels, 2, &told) })
	want, gradients := evaluate(t, 1, []array{rows(single, 3)}, func(n []*G.Node) (*G.Node, error) { return CrossEntropy(n[0], labels, new(Told)) })
	near(t, "Distill of agreement", value, want, 1e-6)
	same(t, "its gradient", slopes[0], gradients[0])
	near(t, "what it tells", float64(told.Loss), want, 1e-6)
}

func TestDistillRefusesWhatDoesNotFit(t *testing.T) {
	with := func(joint array, temperature float32, of ...int32) error {
		return refusal([]array{joint, rows(make([]float32, 6), 3)}, func(n []*G.Node) (*G.Node, error) { return Distill(n[0], n[1], &Labels{of}, temperature, new(Told)) })
	}
	if err := with(rows(make([]float32, 24), 6), 1, 0, 2); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"rows that are no multiple":    with(rows(make([]float32, 18), 6), 1, 0, 2),
		"columns of another M":         with(rows(make([]float32, 36), 9), 1, 0, 2),
		"fewer joint rows than single": with(rows(make([]float32, 3), 3), 1, 0, 2),
		"zero temperature":             with(rows(make([]float32, 24), 6), 0, 0, 2),
		"a label beyond":               with(rows(make([]float32, 24), 6), 1, 0, 3),
	})
}
