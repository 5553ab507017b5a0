package eval

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

// clusters is n vectors round one centre a class.
func clusters(t testing.TB, name string, n, dim, classes int, noise float32) Set {
	t.Helper()
	centres, v := gauss("centres", classes, dim), gauss(name, n, dim)
	labels := make([]string, n)
	for i := range n {
		c := i % classes
		labels[i] = string(rune('a' + c))
		for j := range dim {
			v[i*dim+j] = noise*v[i*dim+j] + centres[c*dim+j]
		}
	}
	s, err := NewSet(dim, v, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLinearProbeSeparatesWhatIsLinear(t *testing.T) {
	got, err := LinearProbe(clusters(t, "train", 400, 32, 5, 1), clusters(t, "test", 200, 32, 5, 1))
	if err != nil || got < 0.97 {
		t.Errorf("%g, %v", got, err)
	}
}

func TestLinearProbeIsBlindToScaleShiftAndConstants(t *testing.T) {
	train, test := clusters(t, "train", 200, 8, 4, 3), clusters(t, "test", 200, 8, 4, 3)
	change := func(s Set) Set {
		s.Vectors = slices.Clone(s.Vectors)
		for i := range s.Vectors {
			if s.Vectors[i] = s.Vectors[i]*float32(int(1)<<(i%8)) + 16; i%8 == 7 {
				s.Vectors[i] = 0.1 // a dead feature
			}
		}
		return s
	}
	dead := func(s Set) Set {
		s.Vectors = slices.Clone(s.Vectors)
		for i := 7; i < len(s.Vectors); i += 8 {
			s.Vectors[i] = 0
		}
		return s
	}
	want, err := LinearProbe(dead(train), dead(test))
	if err != nil {
		t.Fatal(err)
	}
	got, err := LinearProbe(change(train), change(test))
	if err != nil || math.Abs(got-want) > 0.006 { // one query may sit on a boundary, for rounding
		t.Errorf("%g (%v), want %g", got, err, want)
	}
}

func TestLinearProbeIsTheSameForAnyNumberOfThreads(t *testing.T) {
	s := clusters(t, "threads", 600, 64, 8, 4)
	weights := func() []float64 {
		mean, scale := moments(s)
		r := &regression{n: s.Len(), dim: s.Dim, classes: 8, labels: s.Labels, x: standardized(s, mean, scale)}
		w, _, err := r.fit()
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	many := weights()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !slices.Equal(many, weights()) {
		t.Error("one thread and many give different weights")
	}
}

func TestLinearProbeRefusesSetsThatDoNotBelongTogether(t *testing.T) {
	a, b := clusters(t, "a", 10, 4, 2, 1), clusters(t, "b", 10, 5, 2, 1)
	if _, err := LinearProbe(a, b); err == nil {
		t.Error("two dimensions accepted")
	}
	if _, err := LinearProbe(a, clusters(t, "c", 9, 4, 3, 1)); err == nil {
		t.Error("two lists of classes accepted")
	}
	if _, err := LinearProbe(a.Subset(nil), a); err == nil {
		t.Error("nothing to train on accepted")
	}
	if got, err := LinearProbe(a, a.Subset(nil)); err != nil || !math.IsNaN(got) {
		t.Errorf("nothing to test on: %g, %v", got, err)
	}
}

func TestMinimizeFindsAnIllConditionedMinimum(t *testing.T) {
	scales := []float64{1e4, 1, 1e-2, 30, 7}
	x := []float64{1, -2, 3, -4, 5}
	err := minimize(x, func(x, grad []float64) (value float64) {
		for i, s := range scales {
			value += s * (x[i] - 1) * (x[i] - 1) / 2
			grad[i] = s * (x[i] - 1)
		}
		return value
	})
	for i, v := range x {
		if err != nil || math.Abs(v-1) > 1e-3 {
			t.Fatalf("x[%d] = %g, want 1 (%v)", i, v, err)
		}
	}
}

func TestMinimizeSaysWhenThereIsNoMinimum(t *testing.T) {
	if err := minimize([]float64{0}, func(x, grad []float64) float64 { grad[0] = 1; return math.NaN() }); err == nil {
		t.Error("NaN accepted")
	}
}

func BenchmarkLinearProbe(b *testing.B) {
	r := seed.New(1).At("bench").Rand()
	s := clusters(b, "bench", 1500, 256, 20, 6)
	for i := range s.Vectors { // hard: overlapping and correlated
		s.Vectors[i] += float32(r.NormFloat64()) + s.Vectors[i/256*256]
	}
	for b.Loop() {
		if _, err := LinearProbe(s, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLeaveOneOut(b *testing.B) {
	s := clusters(b, "bench", 4000, 128, 20, 6)
	for b.Loop() {
		LeaveOneOut(s, 200, 0.1)
	}
}

func BenchmarkSpread4096x128(b *testing.B) {
	v := gauss("bench", 4096, 128)
	for b.Loop() {
		Spread(v, 128)
	}
}

func BenchmarkOnline4096x256(b *testing.B) {
	o := NewOnline(4096, 256, 20, 0.1, 500)
	v := gauss("bench", 4096, 256)
	for i := range 4096 {
		o.Observe(v[i*256:(i+1)*256], string(rune('a'+i%20)), string(rune('a'+i%97)))
	}
	for i := 0; b.Loop(); i++ {
		o.Observe(v[i%4096*256:(i%4096+1)*256], string(rune('a'+i%20)), string(rune('a'+i%97)))
	}
}
