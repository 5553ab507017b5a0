package twin

import (
	"cmp"
	"math"
	"slices"
)

// Found is a row and its cosine with a query.
type Found struct {
	Row   int
	Score float32
}

// Search is package kernel's search by brute force: every score, then a sort.
func Search(rows, queries []float32, dim, k int) [][]Found {
	var out [][]Found
	for q := range slices.Chunk(queries, dim) {
		var all []Found
		for i := range len(rows) / dim {
			x := rows[i*dim : (i+1)*dim]
			score := float32(0)
			if by := math.Sqrt(lanes(q, q)) * math.Sqrt(lanes(x, x)); by != 0 {
				score = float32(lanes(q, x) / by)
			}
			if score == score {
				all = append(all, Found{i, score})
			}
		}
		slices.SortStableFunc(all, func(a, b Found) int { return cmp.Compare(b.Score, a.Score) })
		out = append(out, all[:min(k, len(all))])
	}
	return out
}

// lanes is Σ a·b in eight sums, every eighth product in each: what the kernel's order is.
func lanes(a, b []float32) float64 {
	var lane [8]float64
	for i, x := range a {
		lane[i%8] += float64(x) * float64(b[i])
	}
	sum := 0.0
	for _, s := range lane {
		sum += s
	}
	return sum
}
