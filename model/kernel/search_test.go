package kernel

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

// asBruteForce fails unless Search finds what brute force does, scores and order included.
func asBruteForce(t interface {
	Helper()
	Fatalf(string, ...any)
}, rows, queries []float32, dim, k int) {
	t.Helper()
	got, want := Search(rows, queries, dim, k), twin.Search(rows, queries, dim, k)
	if len(got) != len(want) {
		t.Fatalf("answers to %d queries, want %d", len(got), len(want))
	}
	for i := range want {
		same := slices.EqualFunc(got[i], want[i], func(a Hit, b twin.Found) bool { return a.Row == b.Row && a.Score == b.Score })
		if !same {
			t.Fatalf("query %d of %d among %d rows of %d, k %d:\n got %v\nwant %v", i, len(want), len(rows)/dim, dim, k, got[i], want[i])
		}
	}
}

func TestSearchIsBruteForce(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := random("search")
	for _, c := range []struct{ n, m, dim, k int }{
		{5000, 70, 128, 10}, {3000, 65, 20, 1}, {2000, 3, 129, 200}, {700, 2, 1000, 5}, {600, 4, 7, 600}, {40, 2, 8, 100}, {1, 1, 1, 1},
	} {
		asBruteForce(t, normal(r, c.n*c.dim), normal(r, c.m*c.dim), c.dim, c.k)
	}
}

func TestSearchBreaksTiesByRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(1, 4).Draw(t, "dim")
		vectors := func(name string, most int) []float32 { // few values: many ties and zero rows
			n := rapid.IntRange(0, most).Draw(t, name) * dim
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(rapid.IntRange(-2, 2).Draw(t, name))
			}
			return v
		}
		asBruteForce(t, vectors("rows", 60), vectors("queries", 5), dim, rapid.IntRange(1, 70).Draw(t, "k"))
	})
	// Rows so alike that single precision cannot order them, more of them than a list has room for.
	r := random("alike")
	const n, dim = 4000, 32
	rows := slices.Repeat(normal(r, dim), n)
	for i := range n {
		rows[i*dim+i%dim] *= 1 + 1e-7*float32(i%5)
	}
	asBruteForce(t, rows, normal(r, 3*dim), dim, 10)
}

func TestSearchTakesRowsOfAnyLength(t *testing.T) {
	r := random("lengths")
	const n, dim = 1500, 16
	rows, queries := normal(r, n*dim), normal(r, 4*dim)
	for i := range n {
		by := []float32{1, 0, 1e-22, 1e18, 1e-3, 3e37 / 4}[i%6]
		for j := range dim {
			rows[i*dim+j] *= by
		}
	}
	for j := range dim {
		queries[j], queries[dim+j] = queries[j]*1e-20, queries[dim+j]*1e30
	}
	asBruteForce(t, rows, queries, dim, 12)
	rows[5*dim] = float32(math.NaN())
	rows[11*dim+3] = float32(math.Inf(1))
	for _, hits := range Search(rows, queries, dim, n) {
		if len(hits) != n-2 || slices.ContainsFunc(hits, func(h Hit) bool { return h.Row == 5 || h.Row == 11 }) {
			t.Fatalf("%d hits, rows that are not finite among them or others missing", len(hits))
		}
	}
}

func TestSearchDoesNotDependOnThreads(t *testing.T) {
	r := random("threads")
	rows, queries := normal(r, 6000*33), normal(r, 9*33)
	defer SetThreads(0)
	SetThreads(1)
	want := Search(rows, queries, 33, 20)
	for _, n := range []int{2, 3, 7} {
		SetThreads(n)
		if !slices.EqualFunc(Search(rows, queries, 33, 20), want, slices.Equal[[]Hit]) {
			t.Errorf("%d threads find something else", n)
		}
	}
}
