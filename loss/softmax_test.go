package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// crossEntropyTwin is SoftCrossEntropy by the book; labels of −1 are out.
func crossEntropyTwin(x []float64, q int, index []int32, weight []float32, k int, row []float32) float64 {
	total, n := 0.0, 0
	for r := range len(x) / q {
		w := 1.0
		if row != nil {
			w = float64(row[r])
		}
		if index[r*k] < 0 || w == 0 {
			continue
		}
		n++
		all := logSumExp(x[r*q : (r+1)*q])
		for j := range k {
			t := 1.0
			if weight != nil {
				t = float64(weight[r*k+j])
			}
			total += w * t * (all - x[r*q+int(index[r*k+j])])
		}
	}
	return total / math.Max(float64(n), 1)
}

func TestCrossEntropyEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ rows, q int }{{1, 1}, {1, 4}, {7, 3}, {64, 100}, {100, 1000}} {
		r := seed.New(uint64(c.q)).Rand()
		x := rows(normals(r, c.rows*c.q), c.q)
		labels := &Labels{Of: make([]int32, c.rows)}
		for i := range labels.Of {
			labels.Of[i] = int32(r.IntN(c.q+1)) - 1
		}
		var told Told
		value, slopes := evaluate(t, 1, []array{x}, func(n []*G.Node) (*G.Node, error) { return CrossEntropy(n[0], labels, &told) })
		agrees(t, "CrossEntropy", value, slopes, []array{x}, func(x [][]float64) float64 {
			return crossEntropyTwin(x[0], c.q, labels.Of, nil, 1, nil)
		})
		right, used := 0, 0
		for i, y := range labels.Of {
			if y >= 0 {
				used++
				top := 0
				for j := range c.q {
					if x.x[i*c.q+j] > x.x[i*c.q+top] {
						top = j
					}
				}
				if top == int(y) {
					right++
				}
			}
		}
		if told.Rows != used || used > 0 && told.Accuracy != float32(right)/float32(used) {
			t.Errorf("%+v: told %+v, want %d of %d right", c, told, right, used)
		}
	}
}

// softLabels spread every row over k neighbouring classes; every third row is out.
func softLabels(n, q, k int) *SoftLabels {
	r := seed.New(uint64(q)).Rand()
	l := &SoftLabels{K: k}
	for i := range n {
		first, sum := r.IntN(q-k+1), float32(0)
		for j := range k {
			l.Index = append(l.Index, int32(first+j))
			l.Weight = append(l.Weight, r.Float32())
			sum += l.Weight[i*k+j]
		}
		for j := range k {
			l.Weight[i*k+j] /= sum
		}
		l.RowWeight = append(l.RowWeight, float32(i%3)*r.Float32()*2)
	}
	return l
}

func TestSoftCrossEntropyEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ rows, q, k int }{{2, 1, 1}, {5, 7, 3}, {300, 313, 5}} {
		x := rows(normals(seed.New(3).Rand(), c.rows*c.q), c.q)
		labels := softLabels(c.rows, c.q, c.k)
		var told Told
		build := func(n []*G.Node) (*G.Node, error) { return SoftCrossEntropy(n[0], labels, &told) }
		value, slopes := evaluate(t, 1, []array{x}, build)
		twin := func(x [][]float64) float64 {
			return crossEntropyTwin(x[0], c.q, labels.Index, labels.Weight, c.k, labels.RowWeight)
		}
		agrees(t, "SoftCrossEntropy", value, slopes, []array{x}, twin)
		for i := range c.q {
			if slopes[0][i] != 0 {
				t.Errorf("%+v: row 0 weighs nothing and has a gradient", c)
				break
			}
		}
		labels.RowWeight = nil
		value, slopes = evaluate(t, 1, []array{x}, build)
		agrees(t, "SoftCrossEntropy without row weights", value, slopes, []array{x}, twin)
		near(t, "what it tells", float64(told.Loss), value, 1e-5)
	}
}

// Values of testdata/gen/softmax.py.
func TestCrossEntropiesEqualPyTorch(t *testing.T) {
	var ref struct {
		Q, K                       int
		Logits, Weight, RowWeight  []float32
		Label, Index               []int32
		Hard, Soft                 float64
		HardGradient, SoftGradient []float32
	}
	golden(t, "softmax", &ref)
	x := []array{rows(ref.Logits, ref.Q)}
	value, slopes := evaluate(t, 1, x, func(n []*G.Node) (*G.Node, error) {
		return CrossEntropy(n[0], &Labels{ref.Label}, new(Told))
	})
	near(t, "CrossEntropy", value, ref.Hard, 1e-5)
	same(t, "CrossEntropy's gradient", slopes[0], ref.HardGradient)
	value, slopes = evaluate(t, 1, x, func(n []*G.Node) (*G.Node, error) {
		return SoftCrossEntropy(n[0], &SoftLabels{ref.Index, ref.Weight, ref.K, ref.RowWeight}, new(Told))
	})
	near(t, "SoftCrossEntropy", value, ref.Soft, 1e-5)
	same(t, "SoftCrossEntropy's gradient", slopes[0], ref.SoftGradient)
}

// A network that answers the same to everything is at ln of the number of classes, and right by chance.
func TestCrossEntropyAtChance(t *testing.T) {
	for _, q := range []int{4, 8, 100, 313} {
		labels := &Labels{}
		for i := range 2 * q {
			labels.Of = append(labels.Of, int32(i%q))
		}
		var told Told
		value, _ := evaluate(t, 1, []array{rows(make([]float32, 2*q*q), q)}, func(n []*G.Node) (*G.Node, error) {
			return CrossEntropy(n[0], labels, &told)
		})
		near(t, "the loss at chance", value, math.Log(float64(q)), 1e-5)
		near(t, "the accuracy at chance", float64(told.Accuracy), 1/float64(q), 1e-6)
	}
}

func TestCrossEntropyOfNoLabelsIsZero(t *testing.T) {
	var told Told
	value, slopes := evaluate(t, 1, []array{rows([]float32{1, 2, 3, 4}, 2)}, func(n []*G.Node) (*G.Node, error) {
		return CrossEntropy(n[0], &Labels{[]int32{-1, -1}}, &told)
	})
	if value != 0 || told != (Told{}) {
		t.Errorf("loss %v, told %+v", value, told)
	}
	same(t, "the gradient", slopes[0], make([]float32, 4))
}

func TestCrossEntropiesRefuseWhatDoesNotFit(t *testing.T) {
	x := []array{rows(make([]float32, 6), 3)}
	hard := func(l ...int32) error {
		return refusal(x, func(n []*G.Node) (*G.Node, error) { return CrossEntropy(n[0], &Labels{l}, new(Told)) })
	}
	soft := func(l SoftLabels) error {
		return refusal(x, func(n []*G.Node) (*G.Node, error) { return SoftCrossEntropy(n[0], &l, new(Told)) })
	}
	if err := hard(0, 2); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"a label too few":       hard(0),
		"a label beyond":        hard(0, 3),
		"a label below":         hard(-2, 0),
		"a vector of logits":    refusal([]array{{[]int{6}, make([]float32, 6)}}, func(n []*G.Node) (*G.Node, error) { return CrossEntropy(n[0], &Labels{}, new(Told)) }),
		"soft labels of no K":   soft(SoftLabels{}),
		"soft labels too few":   soft(SoftLabels{Index: []int32{1}, Weight: []float32{1}, K: 1}),
		"a soft label beyond":   soft(SoftLabels{Index: []int32{1, 3}, Weight: []float32{1, 1}, K: 1}),
		"row weights of others": soft(SoftLabels{Index: []int32{1, 2}, Weight: []float32{1, 1}, K: 1, RowWeight: []float32{1}}),
	})
}
