package loss

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

func cosine(a, b []float64) float64 { return inner(a, b) / math.Sqrt(inner(a, a)*inner(b, b)) }

// meanCosine of p_i with the row of t that of names.
func meanCosine(p, t []float64, d int, of func(i int) int) (s float64) {
	m := len(p) / d
	for i := range m {
		s += cosine(p[i*d:(i+1)*d], t[of(i)*d:(of(i)+1)*d]) / float64(m)
	}
	return s
}

func itself(i int) int { return i }

func TestCosineLossesEqualTheirTwinsAndTheirFiniteDifferences(t *testing.T) {
	for _, c := range []struct{ n, d int }{{1, 2}, {4, 8}, {33, 16}} {
		r := seed.New(uint64(c.n)).Rand()
		p, z := rows(normals(r, 2*c.n*c.d), c.d), rows(normals(r, 2*c.n*c.d), c.d)
		value, slopes := evaluate(t, 1, []array{p}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], z.x, new(Contrast)) })
		agrees(t, "BYOL", value, slopes, []array{p}, func(x [][]float64) float64 { return 2 - 2*meanCosine(x[0], double(z.x), c.d, itself) })
		value, slopes = evaluate(t, 1, []array{p}, func(n []*G.Node) (*G.Node, error) { return NextEmbedding(n[0], z.x, new(Contrast)) })
		agrees(t, "NextEmbedding", value, slopes, []array{p}, func(x [][]float64) float64 { return 2 - 2*meanCosine(x[0], double(z.x), c.d, itself) })
		value, slopes = evaluate(t, 1, []array{p, z}, func(n []*G.Node) (*G.Node, error) { return SimSiam(n[0], n[1], new(Contrast)) })
		agrees(t, "SimSiam", value, slopes, []array{p, z}, func(x [][]float64) float64 {
			return -meanCosine(x[0], x[1], c.d, func(i int) int { return (i + c.n) % (2 * c.n) })
		})
	}
}

// Values of testdata/gen/cosine.py.
func TestCosineLossesEqualPyTorch(t *testing.T) {
	var ref struct {
		D                               int
		P, Z, BYOLGradient, SimGradient []float32
		BYOL, SimSiam                   float64
	}
	golden(t, "cosine", &ref)
	p, z := rows(ref.P, ref.D), rows(ref.Z, ref.D)
	value, slopes := evaluate(t, 1, []array{p}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], ref.Z, new(Contrast)) })
	near(t, "BYOL", value, ref.BYOL, 1e-5)
	same(t, "BYOL's gradient", slopes[0], ref.BYOLGradient)
	value, slopes = evaluate(t, 1, []array{p, z}, func(n []*G.Node) (*G.Node, error) { return SimSiam(n[0], n[1], new(Contrast)) })
	near(t, "SimSiam", value, ref.SimSiam, 1e-5)
	same(t, "SimSiam's gradient", slopes[0], ref.SimGradient)
}

func TestNoGradientFlowsToTheProjectionsOfSimSiam(t *testing.T) {
	g := G.NewGraph()
	p := G.NewMatrix(g, G.Float32, G.WithShape(4, 2), G.WithName("p"))
	z := G.NewMatrix(g, G.Float32, G.WithShape(4, 2), G.WithName("z"))
	cost, err := SimSiam(p, z, new(Contrast))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(cost, z); err == nil {
		t.Error("Gorgonia found a gradient towards z")
	}
}

// Two views of each of two pictures: the other view of a picture is no negative.
func TestCosineLossesTellOfOtherPicturesOnly(t *testing.T) {
	p := rows([]float32{1, 0, 0, 1, 2, 0, 0, 3}, 2) // rows 0 and 2 show one picture, 1 and 3 the other
	var byol, siam, next Contrast
	evaluate(t, 1, []array{p}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], p.x, &byol) })
	evaluate(t, 1, []array{p, p}, func(n []*G.Node) (*G.Node, error) { return SimSiam(n[0], n[1], &siam) })
	evaluate(t, 1, []array{p}, func(n []*G.Node) (*G.Node, error) { return NextEmbedding(n[0], p.x, &next) })
	for _, c := range []Contrast{byol, siam} {
		if c.Positive != 1 || c.Negative != 0 || c.Accuracy != 1 || c.Bounded {
			t.Errorf("%+v", c)
		}
	}
	near(t, "the negatives of NextEmbedding", float64(next.Negative), 1.0/3, 1e-6)
	if byol.Loss != 0 || siam.Loss != -1 {
		t.Errorf("perfect predictions are at %v and %v", byol.Loss, siam.Loss)
	}
}

func TestSimSiamDoesNotCareWhichViewIsFirst(t *testing.T) {
	p, z := normals(seed.New(4).Rand(), 48), normals(seed.New(5).Rand(), 48)
	swap := func(x []float32) []float32 { return append(slices.Clone(x[24:]), x[:24]...) }
	build := func(n []*G.Node) (*G.Node, error) { return SimSiam(n[0], n[1], new(Contrast)) }
	a, sa := evaluate(t, 1, []array{rows(p, 4), rows(z, 4)}, build)
	b, sb := evaluate(t, 1, []array{rows(swap(p), 4), rows(swap(z), 4)}, build)
	near(t, "the loss of swapped views", b, a, 1e-6)
	same(t, "the gradient of swapped views", swap(sb[0]), sa[0])
}

func TestAPredictionOfZerosPullsNowhere(t *testing.T) {
	value, slopes := evaluate(t, 1, []array{rows(make([]float32, 4), 2)}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], []float32{1, 2, 3, 4}, new(Contrast)) })
	near(t, "BYOL of zeros", value, 2, 0)
	same(t, "its gradient", slopes[0], make([]float32, 4))
}

func TestCosineLossesRefuseWhatDoesNotFit(t *testing.T) {
	p := rows(make([]float32, 8), 2)
	refuses(t, map[string]error{
		"targets of another size":     refusal([]array{p}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], make([]float32, 6), new(Contrast)) }),
		"an odd number of rows":       refusal([]array{rows(make([]float32, 6), 2)}, func(n []*G.Node) (*G.Node, error) { return BYOL(n[0], make([]float32, 6), new(Contrast)) }),
		"next of another size":        refusal([]array{p}, func(n []*G.Node) (*G.Node, error) { return NextEmbedding(n[0], make([]float32, 6), new(Contrast)) }),
		"projections of another size": refusal([]array{p, rows(make([]float32, 8), 4)}, func(n []*G.Node) (*G.Node, error) { return SimSiam(n[0], n[1], new(Contrast)) }),
	})
}
