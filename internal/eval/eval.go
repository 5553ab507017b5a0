// Package eval measures what embeddings are worth: nearest-neighbour recognition (gallery, weighted kNN,
// online), a linear probe, and the signs of collapse (standard deviation, RankMe, alignment, uniformity).
// Labels are read here and nowhere in training.
//
// Everything is a deterministic function of its arguments, for any number of threads. Vectors are rows of
// float32, row after row; they are compared by cosine.
package eval

import (
	"fmt"
	"math"
	"slices"
)

// Set is labelled vectors: row i of Vectors, Dim numbers long, belongs to class Labels[i].
type Set struct {
	Dim     int
	Vectors []float32 // Len()×Dim
	Labels  []int     // Len(), each an index of Names
	Names   []string  // the classes
}

// Len is the number of rows.
func (s Set) Len() int { return len(s.Labels) }

// Row is row i, shared with the set.
func (s Set) Row(i int) []float32 { return s.Vectors[i*s.Dim : (i+1)*s.Dim] }

// NewSet makes a set of n×dim vectors and n labels. Without names, the classes are the distinct labels in
// sorted order. Sets that are compared (gallery and query, train and test) need the same classes: hand the
// names of the first to the second; a label that is not among them is an error, and so is a number that is
// not finite.
func NewSet(dim int, vectors []float32, labels, names []string) (Set, error) {
	if dim <= 0 || len(vectors) != dim*len(labels) {
		return Set{}, fmt.Errorf("%d numbers are no %d vectors of %d dimensions", len(vectors), len(labels), dim)
	}
	if names == nil {
		names = slices.Compact(slices.Sorted(slices.Values(labels)))
	}
	index := make(map[string]int, len(names))
	for i, name := range names {
		if _, twice := index[name]; twice {
			return Set{}, fmt.Errorf("class %q is named twice", name)
		}
		index[name] = i
	}
	s := Set{Dim: dim, Vectors: vectors, Labels: make([]int, len(labels)), Names: names}
	for i, label := range labels {
		class, ok := index[label]
		if !ok {
			return Set{}, fmt.Errorf("row %d: label %q is none of the %d classes", i, label, len(names))
		}
		s.Labels[i] = class
		if !finite(s.Row(i)) {
			return Set{}, fmt.Errorf("row %d (label %q): the vector is not finite; the model that made it has diverged", i, label)
		}
	}
	return s, nil
}

// Subset is a copy of some rows, in the order asked for.
func (s Set) Subset(rows []int) Set {
	out := Set{Dim: s.Dim, Names: s.Names, Vectors: make([]float32, 0, len(rows)*s.Dim), Labels: make([]int, 0, len(rows))}
	for _, i := range rows {
		out.Vectors = append(out.Vectors, s.Row(i)...)
		out.Labels = append(out.Labels, s.Labels[i])
	}
	return out
}

// Normalize scales every row of v (n×dim) to length 1, in place. A row of zeros stays as it is.
func Normalize(v []float32, dim int) {
	checkRows(v, dim)
	for ; len(v) > 0; v = v[dim:] {
		row := v[:dim]
		var sum float64
		for _, x := range row {
			sum += float64(x) * float64(x)
		}
		if sum == 0 {
			continue
		}
		scale := 1 / math.Sqrt(sum)
		for i, x := range row {
			row[i] = float32(float64(x) * scale)
		}
	}
}

// normalized is a copy of v with rows of length 1.
func normalized(v []float32, dim int) []float32 {
	v = slices.Clone(v)
	Normalize(v, dim)
	return v
}

func finite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}

func checkRows(v []float32, dim int) {
	if dim <= 0 || len(v)%dim != 0 {
		panic("eval: vectors are no whole number of rows")
	}
}
