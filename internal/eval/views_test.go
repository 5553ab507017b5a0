package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// views is n instants seen by cameras whose embeddings look(camera, t) writes.
func views(t testing.TB, cameras, n, dim int, look func(camera, t int, row []float32)) Views {
	t.Helper()
	all := make([][]float32, cameras)
	for c := range all {
		all[c] = make([]float32, n*dim)
		for i := range n {
			look(c, i, all[c][i*dim:(i+1)*dim])
		}
	}
	v, err := NewViews("test", dim, all...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// unrelated is cameras that see nothing of each other: random directions, whose distances are all but independent.
func unrelated(t testing.TB, name string, cameras, n, dim int) Views {
	t.Helper()
	all := make([][]float32, cameras)
	for c := range all {
		all[c] = gauss(fmt.Sprint(name, c), n, dim)
		Normalize(all[c], dim)
	}
	v, err := NewViews("test", dim, all...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The values of testdata/views.json were made by testdata/gen/views.py, which names its versions and seed.
func TestViewMeasuresAgreeWithSciPy(t *testing.T) {
	var g struct {
		Dim           int           `json:"dim"`
		Within        int           `json:"within"`
		Stride        int           `json:"stride"`
		Rigs          [][][]float32 `json:"rigs"`
		Alignment     float64       `json:"alignment"`
		Tau           float64       `json:"tau"`
		TauStrided    float64       `json:"tau_strided"`
		Exact         float64       `json:"exact"`
		Near          float64       `json:"near"`
		ConstantTau   int           `json:"constant_tau"`
		ConstantCycle int           `json:"constant_cycle"`
	}
	data, err := os.ReadFile("testdata/views.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	var all []Views
	for _, cameras := range g.Rigs {
		v, err := NewViews("golden", g.Dim, cameras...)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	tau, cycle := KendallTau(g.Dim, 1, g.Rigs...), CycleConsistency(g.Within, all...)
	near(t, "alignment error", AlignmentError(all...), g.Alignment, 1e-12)
	near(t, "tau", tau.Mean, g.Tau, 1e-12)
	near(t, "tau, strided", KendallTau(g.Dim, g.Stride, g.Rigs...).Mean, g.TauStrided, 1e-12)
	near(t, "cycle", cycle.Exact, g.Exact, 1e-12)
	near(t, "cycle within", cycle.Within, g.Near, 1e-12)
	if tau.Pairs != 10 || tau.Constant != g.ConstantTau || cycle.Pairs != 10 || cycle.Constant != g.ConstantCycle {
		t.Errorf("%+v %+v, want %d and %d constant of 10", tau, cycle, g.ConstantTau, g.ConstantCycle)
	}
}

func TestIdenticalViewsAlignPerfectly(t *testing.T) {
	one := gauss("one", 40, 16)
	v, err := NewViews("same", 16, one, one, one)
	if err != nil {
		t.Fatal(err)
	}
	if e := AlignmentError(v); e != 0 {
		t.Errorf("alignment error %g", e)
	}
	if tau := KendallTau(16, 1, v.Cameras); tau != (Tau{Mean: 1, Pairs: 6}) {
		t.Errorf("%+v", tau)
	}
	if c := CycleConsistency(1, v); c != (Cycle{Exact: 1, Within: 1, Pairs: 6}) {
		t.Errorf("%+v", c)
	}
}

func TestConstantEmbeddingsLookBadEverywhere(t *testing.T) {
	const n = 500
	row := gauss("row", 1, 8)
	v := views(t, 3, n, 8, func(_, _ int, out []float32) { copy(out, row) })
	near(t, "alignment error", AlignmentError(v), 0.5, 1.01/(2*n)) // (n−1)/2n
	if tau := KendallTau(8, 1, v.Cameras); tau != (Tau{Pairs: 6, Constant: 6}) {
		t.Errorf("%+v", tau)
	}
	if c := CycleConsistency(5, v); c != (Cycle{Pairs: 6, Constant: 6}) {
		t.Errorf("%+v", c)
	}
}

func TestOneCollapsedVideoStaysInTheMean(t *testing.T) {
	good := gauss("good", 30, 8)
	bad := make([]float32, len(good))
	copy(bad, good)
	frozen := slices.Repeat(good[:8], 30)
	// Of six ordered pairs two are right; four go to or come from the frozen video.
	tau := KendallTau(8, 1, [][]float32{good, bad, frozen})
	if math.Abs(tau.Mean-2.0/6) > 1e-12 || tau.Pairs != 6 || tau.Constant != 4 {
		t.Errorf("%+v, want 2/6 and 4 constant", tau)
	}
}

func TestUnrelatedViewsScoreChance(t *testing.T) {
	const n = 300
	v := unrelated(t, "chance", 4, n, 256)
	near(t, "chance for long recordings", AlignmentChance(n), 1.0/3, 1e-5)
	near(t, "alignment error", AlignmentError(v), AlignmentChance(n), 0.02)
	near(t, "tau", KendallTau(256, 1, v.Cameras).Mean, 0, 0.04)
	exact, within := CycleChance(n, 10)
	c := CycleConsistency(10, v)
	near(t, "cycle", c.Exact, exact, 0.08) // inner products share their vectors, so they are not quite independent
	near(t, "cycle within 10", c.Within, within, 0.08)
}

// Chance is a mean over tables of independent distances; here all tables of ranks of a small case are drawn.
func TestCycleChanceIsThatOfIndependentDistances(t *testing.T) {
	const n, within, draws = 5, 1, 20000
	noise := gauss("tables", draws, n*n)
	var c Cycle
	for d := range draws {
		table := noise[d*n*n : (d+1)*n*n]
		there, back := make([]int, n), make([]int, n)
		for i := range n {
			for j := range n {
				if table[i*n+j] < table[i*n+there[i]] {
					there[i] = j
				}
				if table[j*n+i] < table[back[i]*n+i] {
					back[i] = j
				}
			}
		}
		for i, found := range there {
			if off := back[found] - i; off == 0 {
				c.Exact++
				c.Within++
			} else if off*off <= within {
				c.Within++
			}
		}
	}
	exact, near1 := CycleChance(n, within)
	near(t, "exact", c.Exact/(n*draws), exact, 0.005)
	near(t, "within 1", c.Within/(n*draws), near1, 0.005)
	if all, same := CycleChance(n, n); math.Abs(same-1) > 1e-12 || all != exact {
		t.Errorf("within the whole recording %g, want 1", same)
	}
}

func TestMeasuresOfFourInstantsByHand(t *testing.T) {
	// Positions on a line. a→b: 0 1 1 3; b→a: 0 1 3 3.
	v, err := NewViews("hand", 1, []float32{0, 10, 20, 30}, []float32{1, 12, 28.5, 31})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "alignment error", AlignmentError(v), 1.0/16, 1e-12)
	// a→b: pairs in order 5, tied 1: 5/√(6·5). b→a the same.
	near(t, "tau", KendallTau(1, 1, v.Cameras).Mean, 5/math.Sqrt(30), 1e-12)
	c := CycleConsistency(1, v)                     // a: 0 1 1 3, b: 0 1 3 3
	near(t, "cycle", c.Exact, 3.0/4, 1e-12)         // a's third and b's third do not come back
	near(t, "cycle within one", c.Within, 1, 1e-12) // but end beside
	near(t, "tau backwards", KendallTau(1, 1, [][]float32{{0, 1, 2}, {2, 1, 0}}).Mean, -1, 1e-12)
}

func TestTauTakesEveryStridethFrameAndAnyLength(t *testing.T) {
	short, long := []float32{0, 100, 1, 100, 2, 100}, []float32{0, 100, 1, 100, 2, 100, 3}
	tau := KendallTau(1, 2, [][]float32{short, long}) // 0 1 2, and 0 1 2 2 back
	near(t, "tau", tau.Mean, (1+5/math.Sqrt(30))/2, 1e-12)
	if tau.Pairs != 2 || tau.Constant != 0 {
		t.Errorf("%+v", tau)
	}
}

func TestViewsThatCannotBeComparedSayWhatToDo(t *testing.T) {
	bad := []float32{1, 2, 3, float32(math.NaN())}
	for _, c := range []struct {
		says    string
		dim     int
		cameras [][]float32
	}{
		{"ep1: it has 1 camera; give a recording by two or more", 2, [][]float32{{1, 2, 3, 4}}},
		{"has 0 camera", 2, nil},
		{"camera 0 has 1 instant; an order in time needs two or more", 2, [][]float32{{1, 2}, {3, 4}}},
		{"camera 1 has 1 instants and camera 0 has 2; give each camera the same instants", 2, [][]float32{{1, 2, 3, 4}, {3, 4}}},
		{"camera 1: an embedding is not finite; the model that made it has diverged", 2, [][]float32{{1, 2, 3, 4}, bad}},
		{"3 numbers are no rows of 2", 2, [][]float32{{1, 2, 3}, {1, 2, 3}}},
		{"without dimensions", 0, [][]float32{{1}, {1}}},
	} {
		if _, err := NewViews("ep1", c.dim, c.cameras...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}

func TestTiesGoToTheFirstFrame(t *testing.T) {
	if got := closest([]float32{0, 5}, []float32{7, 5, 5, -7, 0, 0}, 1); !slices.Equal(got, []int{4, 1}) {
		t.Errorf("%v", got)
	}
}

func BenchmarkClosestOfRawPixels(b *testing.B) {
	v := gauss("pixels", 96, 12288)
	for b.Loop() {
		closest(v[:48*12288], v[48*12288:], 12288)
	}
}
