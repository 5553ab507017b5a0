package loss

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

// tripletTwin looks at every triplet there is.
func tripletTwin(x []float64, d int, of []int8, margin float64, mining string) float64 {
	b := len(x) / d
	dist := func(i, j int) (s float64) {
		for k := range d {
			s += (x[i*d+k] - x[j*d+k]) * (x[i*d+k] - x[j*d+k])
		}
		return s
	}
	total, pairs := 0.0, 0
	for a := range b {
		for p := range b {
			if a == p || of[a*b+p] != 1 {
				continue
			}
			semi, farthest, sum, negatives := math.Inf(1), math.Inf(-1), 0.0, 0
			for n := range b {
				if n == a || of[a*b+n] != -1 {
					continue
				}
				negatives++
				sum += math.Max(0, dist(a, p)+margin-dist(a, n))
				farthest = math.Max(farthest, dist(a, n))
				if dist(a, n) > dist(a, p) {
					semi = math.Min(semi, dist(a, n))
				}
			}
			if negatives == 0 {
				continue
			}
			pairs++
			if math.IsInf(semi, 1) {
				semi = farthest
			}
			if mining == All {
				total += sum / float64(negatives)
			} else {
				total += math.Max(0, dist(a, p)+margin-semi)
			}
		}
	}
	return total / math.Max(1, float64(pairs))
}

// frames of a video: positives lie within 2, negatives beyond 4.
func frames(b int) *Relations {
	r := &Relations{Of: make([]int8, b*b)}
	for i := range b {
		for j := range b {
			switch gap := max(i-j, j-i); {
			case gap <= 2:
				r.Of[i*b+j] = 1
			case gap > 4:
				r.Of[i*b+j] = -1
			}
		}
	}
	return r
}

func TestTripletEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		b, d   int
		margin float32
	}{{6, 2, 0.2}, {12, 3, 1}, {40, 8, 0.2}, {40, 8, 30}} {
		for _, mining := range []string{SemiHard, All} {
			e := rows(normals(seed.New(uint64(c.b)).Rand(), c.b*c.d), c.d)
			rel := frames(c.b)
			var told Contrast
			value, slopes := evaluate(t, 1, []array{e}, func(n []*G.Node) (*G.Node, error) { return Triplet(n[0], rel, c.margin, mining, &told) })
			if value == 0 {
				t.Errorf("%+v %s: no hinge is open, so nothing is tested", c, mining)
			}
			agrees(t, mining, value, slopes, []array{e}, func(x [][]float64) float64 {
				return tripletTwin(x[0], c.d, rel.Of, float64(c.margin), mining)
			})
		}
	}
}

// Values of testdata/gen/triplet.py.
func TestTripletEqualsPyTorch(t *testing.T) {
	var ref struct {
		D                int
		Margin           float32
		E                []float32
		Of               []int8
		SemiHard, All    float64
		SemiHardGradient []float32
		AllGradient      []float32
	}
	golden(t, "triplet", &ref)
	for mining, want := range map[string]struct {
		loss     float64
		gradient []float32
	}{SemiHard: {ref.SemiHard, ref.SemiHardGradient}, All: {ref.All, ref.AllGradient}} {
		value, slopes := evaluate(t, 1, []array{rows(ref.E, ref.D)}, func(n []*G.Node) (*G.Node, error) {
			return Triplet(n[0], &Relations{ref.Of}, ref.Margin, mining, new(Contrast))
		})
		near(t, mining, value, want.loss, 1e-5)
		same(t, mining+"'s gradient", slopes[0], want.gradient)
	}
}

// Anchor 0 with its positive at 1, and negatives on a line.
func TestSemiHardTakesTheNearestBeyondThePositiveElseTheFarthest(t *testing.T) {
	for name, c := range map[string]struct {
		negatives []float32
		want      float64 // D_ap + 10 − D_an
	}{
		"one nearer, two beyond": {[]float32{0.5, 3, 2}, 1 + 10 - 4},
		"none beyond":            {[]float32{0.5, 0.9, 0.1}, 1 + 10 - 0.81},
		"one as far":             {[]float32{1, 0.5, 2}, 1 + 10 - 4},
	} {
		x := append([]float32{0, 1}, c.negatives...)
		b := len(x)
		rel := &Relations{Of: make([]int8, b*b)}
		rel.Of[1] = 1
		for j := 2; j < b; j++ {
			rel.Of[j] = -1
		}
		var told Contrast
		value, _ := evaluate(t, 1, []array{rows(x, 1)}, func(n []*G.Node) (*G.Node, error) { return Triplet(n[0], rel, 10, SemiHard, &told) })
		near(t, name, value, c.want, 1e-5)
		if told.Positive != -1 || told.Accuracy != 0 || told.Bounded {
			t.Errorf("%s: %+v", name, told)
		}
	}
}

func TestTripletWithoutPairsIsZero(t *testing.T) {
	for name, of := range map[string][]int8{"no relations": make([]int8, 9), "only negatives": {0, -1, -1, -1, 0, -1, -1, -1, 0}, "only positives": {1, 1, 1, 1, 1, 1, 1, 1, 1}} {
		for _, mining := range []string{SemiHard, All} {
			var told Contrast
			value, slopes := evaluate(t, 1, []array{rows([]float32{1, 2, 3}, 1)}, func(n []*G.Node) (*G.Node, error) {
				return Triplet(n[0], &Relations{of}, 0.2, mining, &told)
			})
			if value != 0 || told.Loss != 0 {
				t.Errorf("%s, %s: loss %v", name, mining, value)
			}
			same(t, name, slopes[0], make([]float32, 3))
		}
	}
}

func TestTripletOfEqualEmbeddingsIsTheMargin(t *testing.T) {
	const b = 10
	for _, mining := range []string{SemiHard, All} {
		var told Contrast
		value, slopes := evaluate(t, 1, []array{rows(make([]float32, b*4), 4)}, func(n []*G.Node) (*G.Node, error) {
			return Triplet(n[0], frames(b), 0.2, mining, &told)
		})
		near(t, mining, value, 0.2, 1e-6)
		near(t, "accuracy of a collapsed encoder", float64(told.Accuracy), 0, 0)
		same(t, mining, slopes[0], make([]float32, b*4))
	}
}

func TestTripletRefusesWhatDoesNotFit(t *testing.T) {
	e := []array{rows(make([]float32, 6), 2)}
	with := func(relations int, margin float32, mining string) error {
		return refusal(e, func(n []*G.Node) (*G.Node, error) {
			return Triplet(n[0], &Relations{make([]int8, relations)}, margin, mining, new(Contrast))
		})
	}
	if err := with(9, 0.2, All); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"relations of another batch": with(4, 0.2, All),
		"a negative margin":          with(9, -1, All),
		"a margin of NaN":            with(9, float32(math.NaN()), All),
		"unknown mining":             with(9, 0.2, "hardest"),
	})
}
