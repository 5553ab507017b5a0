package eval

import (
	"math"
	"slices"

	"github.com/nearfar/nearfar/internal/seed"
)

// Fraction is the rows of a stratified share of the labels: of every class that has rows at all,
// share·(its rows), rounded, but at least one; in the order of the set. It is a function of seed, class names
// and order, and a smaller share is a part of a larger one, so that a curve over 1 %, 10 %, 100 % adds labels
// and never exchanges them. Share lies in (0, 1].
func Fraction(set Set, share float64, at seed.Seed) []int {
	if !(share > 0 && share <= 1) {
		panic("eval: a share of labels outside (0, 1]")
	}
	members := make([][]int, len(set.Names))
	for i, label := range set.Labels {
		members[label] = append(members[label], i)
	}
	var rows []int
	for label, all := range members {
		if len(all) == 0 {
			continue
		}
		order := at.At(set.Names[label]).Rand().Perm(len(all))
		for _, i := range order[:max(1, int(math.Round(share*float64(len(all)))))] {
			rows = append(rows, all[i])
		}
	}
	slices.Sort(rows)
	return rows
}
