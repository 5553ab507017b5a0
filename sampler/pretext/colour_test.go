package pretext

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func mustColour(t testing.TB, neighbours int) *Colour {
	t.Helper()
	c, err := NewColour(neighbours)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// slowSoft is the soft encoding as the paper words it.
func slowSoft(bins []AB, p AB, neighbours int) map[int32]float64 {
	type near struct {
		i int32
		d float64
	}
	var all []near
	for i, q := range bins {
		all = append(all, near{int32(i), math.Hypot(p.A-q.A, p.B-q.B)})
	}
	slices.SortStableFunc(all, func(a, b near) int {
		switch {
		case a.d < b.d:
			return -1
		case a.d > b.d:
			return 1
		}
		return 0
	})
	sum := 0.
	weights := map[int32]float64{}
	for _, n := range all[:neighbours] {
		weights[n.i] = math.Exp(-n.d * n.d / 50)
		sum += weights[n.i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

func TestTargetsAreGaussianOverTheNearestBins(t *testing.T) {
	for _, neighbours := range []int{1, 5, 10} {
		c := mustColour(t, neighbours)
		index, weight := make([]int32, neighbours), make([]float32, neighbours)
		r := generator(1)
		for range 500 {
			p := AB{300*r.Float64() - 150, 300*r.Float64() - 150}
			c.soft(p, index, weight)
			want := slowSoft(c.Bins(), p, neighbours)
			for k, i := range index {
				if w, ok := want[i]; !ok || !near(w, float64(weight[k]), 1e-6) {
					t.Fatalf("K = %d, %v: bin %v has weight %v instead of %v", neighbours, p, c.Bins()[i], weight[k], w)
				}
				if k > 0 && weight[k] > weight[k-1] {
					t.Fatalf("K = %d, %v: weights %v do not descend", neighbours, p, weight)
				}
			}
		}
	}
}

func TestEncodeTakesTheMeanColourOfEachPlace(t *testing.T) {
	c := mustColour(t, 5)
	const size, grid = 12, 4
	p := noise(size, 2)
	index, weight := make([]int32, grid*grid*5), make([]float32, grid*grid*5)
	if !c.Encode(p.Pix, size, grid, index, weight) {
		t.Fatal("a picture full of colour was called gray")
	}
	for y := range grid {
		for x := range grid {
			var mean AB
			for v := range 3 {
				for u := range 3 {
					q := p.at(3*x+u, 3*y+v)
					_, a, b := Lab(q[0], q[1], q[2])
					mean.A, mean.B = mean.A+float64(a)/9, mean.B+float64(b)/9
				}
			}
			want := slowSoft(c.Bins(), mean, 5)
			for k := range 5 {
				at := 5*(y*grid+x) + k
				if !near(want[index[at]], float64(weight[at]), 1e-5) {
					t.Fatalf("place %d,%d: bin %d has weight %v instead of %v", x, y, index[at], weight[at], want[index[at]])
				}
			}
		}
	}
}

func TestGrayPicturesAreMasked(t *testing.T) {
	c := mustColour(t, 5)
	p := noise(8, 3)
	for i := 0; i < len(p.Pix); i += 3 {
		p.Pix[i+1], p.Pix[i+2] = p.Pix[i], p.Pix[i]
	}
	index, weight := make([]int32, 4*5), make([]float32, 4*5)
	masked := func() bool {
		coloured := c.Encode(p.Pix, 8, 2, index, weight)
		if none := slices.Max(weight) == 0; none == coloured {
			t.Fatalf("coloured is %v, weights are %v", coloured, weight)
		}
		return !coloured
	}
	tint := func(a, b float32) { // of the last place alone
		for y := 4; y < 8; y++ {
			for x := 4; x < 8; x++ {
				q := p.at(x, y)
				q[0], q[1], q[2] = RGB(50, a, b)
			}
		}
	}
	if !masked() {
		t.Error("a gray picture is not masked")
	}
	if tint(4.9, -4.9); !masked() {
		t.Error("a picture with |ab| below 5 is not masked")
	}
	if tint(0, -5.1); masked() {
		t.Error("a picture with |b| above 5 is masked")
	}
	if tint(5.1, 0); masked() {
		t.Error("a picture with |a| above 5 is masked")
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	c := mustColour(t, 5)
	const size, grid = 16, 4
	p := Picture{make([]float32, 3*size*size), size}
	for i := range size * size { // one colour, many lightnesses
		p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = RGB(40+float32(i%size), 23, -14)
	}
	index, weight := make([]int32, grid*grid*5), make([]float32, grid*grid*5)
	c.Encode(p.Pix, size, grid, index, weight)
	logits := make([]float32, grid*grid*ColourBins)
	for i := range logits {
		logits[i] = -50
	}
	for i, w := range weight { // softmax(z/T) is the target
		logits[i/5*ColourBins+int(index[i])] = float32(annealing * math.Log(float64(w)))
	}
	dst, grayed := make([]float32, len(p.Pix)), make([]float32, len(p.Pix))
	Gray(grayed, p.Pix, size)
	c.Decode(dst, logits, grayed, size, grid)
	for i := 0; i < len(dst); i += 3 {
		l, a, b := Lab(dst[i], dst[i+1], dst[i+2])
		if want := float32(40 + i/3%size); !near(float64(l), float64(want), 0.01) || !near(float64(a), 23, 2) || !near(float64(b), -14, 2) {
			t.Fatalf("pixel %d is Lab %v, %v, %v instead of %v, 23, -14", i/3, l, a, b, want)
		}
	}
}

func TestAnnealedMeanLiesBetweenMeanAndMode(t *testing.T) {
	c := mustColour(t, 5)
	logits := make([]float32, ColourBins)
	for i := range logits {
		logits[i] = -100
	}
	i, j := slices.Index(c.Bins(), AB{60, 40}), slices.Index(c.Bins(), AB{-20, 0})
	logits[i], logits[j] = float32(math.Log(0.6)), float32(math.Log(0.4))
	share := math.Pow(0.6, 1/0.38) / (math.Pow(0.6, 1/0.38) + math.Pow(0.4, 1/0.38))
	if got := c.annealedMean(logits); !near(got.A, 80*share-20, 1e-4) || !near(got.B, 40*share, 1e-4) {
		t.Errorf("%v instead of %v, %v", got, 80*share-20, 40*share)
	}
}

func TestColourRefusesWhatItCannotEncode(t *testing.T) {
	for _, n := range []int{0, 17} {
		if _, err := NewColour(n); err == nil || !strings.Contains(err.Error(), "must be 1 to 16") {
			t.Errorf("%d neighbours: %v", n, err)
		}
	}
}
