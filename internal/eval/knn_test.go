package eval

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/kernel/twin"
)

// gauss is n×dim standard normal numbers.
func gauss(name string, n, dim int) []float32 {
	r := seed.New(1).At(name).Rand()
	v := make([]float32, n*dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func TestNormalizeMakesUnitRowsAndLeavesZeros(t *testing.T) {
	v := []float32{3, 4, 0, 0, -1e-20, 0, 1e30, 1e30}
	Normalize(v, 2)
	want := []float32{0.6, 0.8, 0, 0, -1, 0, math.Sqrt2 / 2, math.Sqrt2 / 2}
	for i := range v {
		if math.Abs(float64(v[i]-want[i])) > 1e-6 {
			t.Fatalf("got %v, want %v", v, want)
		}
	}
}

func TestNewSetNamesClassesInSortedOrder(t *testing.T) {
	s, err := NewSet(1, []float32{1, 2, 3}, []string{"dog", "cat", "dog"}, nil)
	if err != nil || !slices.Equal(s.Names, []string{"cat", "dog"}) || !slices.Equal(s.Labels, []int{1, 0, 1}) {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range []struct {
		vectors       []float32
		labels, names []string
	}{
		{[]float32{1, 2}, []string{"cat"}, nil},
		{[]float32{1}, []string{"cow"}, s.Names},
		{[]float32{1}, []string{"cat"}, []string{"cat", "cat"}},
		{[]float32{float32(math.NaN())}, []string{"cat"}, s.Names},
		{[]float32{float32(math.Inf(1))}, []string{"cat"}, s.Names},
	} {
		if got, err := NewSet(1, c.vectors, c.labels, c.names); err == nil {
			t.Errorf("%v accepted: %+v", c, got)
		}
	}
}

func TestPredictAgreesWithSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// few values, so that there are ties
		vectors := rapid.SliceOfN(rapid.SampledFrom([]float32{-1, -0.5, 0, 0.25, 0.5, 1}), 2, 80).Draw(t, "vectors")
		set := Set{Dim: 2, Vectors: vectors[:len(vectors)/2*2]}
		for i := range len(vectors) / 2 {
			set.Labels = append(set.Labels, i*i%3)
		}
		k, self := rapid.IntRange(1, 50).Draw(t, "k"), rapid.Bool().Draw(t, "self")
		got := predict(set, set, k, 0.5, self)
		if self && set.Len() == 1 {
			return
		}
		for i := range set.Len() {
			var hits []kernel.Hit
			for _, f := range twin.Search(set.Vectors, set.Row(i), 2, set.Len())[0] {
				if !self || f.Row != i {
					hits = append(hits, kernel.Hit(f))
				}
			}
			if want := vote(hits[:min(k, len(hits))], set.Labels, 0.5); got[i] != want {
				t.Fatalf("row %d is a %d, want %d of %v", i, got[i], want, hits)
			}
		}
	})
}

func TestVoteWeighsBySimilarity(t *testing.T) {
	labels := []string{"far", "far", "near"}
	hits := []kernel.Hit{{Row: 2, Score: 0.9}, {Row: 0, Score: 0.8}, {Row: 1, Score: 0.8}}
	for _, c := range []struct {
		temperature float64
		want        string
	}{{0.01, "near"}, {1, "far"}, {1e-6, "near"}} { // exp(0.9/1e-6) would be no number
		if got := vote(hits, labels, c.temperature); got != c.want {
			t.Errorf("temperature %g: %s, want %s", c.temperature, got, c.want)
		}
	}
	if got := vote([]kernel.Hit{{Row: 0, Score: 0.5}, {Row: 2, Score: 0.5}}, labels, 1); got != "far" {
		t.Errorf("a tie went to %s, want the lower row's class", got)
	}
}

func TestKNNIsBlindToLength(t *testing.T) {
	labels := make([]string, 500)
	for i := range labels {
		labels[i] = string(rune('a' + i%5))
	}
	a, err := NewSet(16, gauss("length", 500, 16), labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := a
	b.Vectors = slices.Clone(a.Vectors)
	for i := range b.Vectors {
		b.Vectors[i] *= float32(int(1) << (i / 16 % 7)) // powers of two: exactly the same directions
	}
	pa, pb := predict(a, a, 10, 0.1, true), predict(b, b, 10, 0.1, true)
	if !slices.Equal(pa, pb) {
		t.Error("longer vectors changed predictions")
	}
}

func TestKNNKnowsItsOwnGalleryAndLeaveOneOutDoesNot(t *testing.T) {
	// Labels without any bond to the vectors: a query finds itself, and only itself helps.
	n := 600 // more than two blocks
	labels := make([]string, n)
	r := seed.New(1).At("labels").Rand()
	for i := range labels {
		labels[i] = string(rune('a' + r.IntN(10)))
	}
	s, err := NewSet(32, gauss("own", n, 32), labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := KNN(s, s, 1, 0.1); got != 1 {
		t.Errorf("1-NN of a gallery in itself: %g, want 1", got)
	}
	if got := LeaveOneOut(s, 1, 0.1); got < 0.04 || got > 0.16 { // 0.1 ± 5 standard errors
		t.Errorf("leave one out on random labels: %g, want about 0.1", got)
	}
}

func TestNoGalleryIsNoAccuracy(t *testing.T) {
	one := Set{Dim: 2, Vectors: []float32{1, 0}, Labels: []int{0}, Names: []string{"a"}}
	none := Set{Dim: 2, Names: one.Names}
	for name, got := range map[string]float64{
		"empty gallery": KNN(none, one, 1, 1), "no query": KNN(one, none, 1, 1),
		"one row left out": LeaveOneOut(one, 1, 1), "gallery of everything": OneView(one),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s: %g, want NaN", name, got)
		}
	}
}
