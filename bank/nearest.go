package bank

import (
	"math"
	"slices"
)

// Hit is a key that a query found.
type Hit struct {
	Slot   int
	Score  float32 // cosine of query and key, 1 at best
	Origin Origin
}

// Nearest are the k keys most similar to the query (dim numbers), best first, ties by slot: an exact scan
// by cosine. A zero vector is similar to nothing (score 0). There are fewer than k where the bank holds
// fewer keys.
func (b *Rolling) Nearest(query []float32, k int) []Hit {
	if len(query) != b.dim {
		panic("bank: the query is not as long as a key")
	}
	k = min(k, b.Len())
	if k <= 0 {
		return nil
	}
	hits := make([]Hit, 0, k+1)
	length := math.Sqrt(dot(query, query))
	for slot := range b.origins {
		key := b.keys[slot*b.dim : (slot+1)*b.dim]
		var score float32
		if l := length * math.Sqrt(dot(key, key)); l > 0 {
			score = float32(dot(query, key) / l)
		}
		if len(hits) == k && !(score > hits[k-1].Score) {
			continue
		}
		at := len(hits)
		for at > 0 && score > hits[at-1].Score {
			at--
		}
		hits = slices.Insert(hits, at, Hit{Slot: slot, Score: score})
		hits = hits[:min(len(hits), k)]
	}
	for i := range hits {
		hits[i].Origin = b.origins[hits[i].Slot]
	}
	return hits
}

// dot is the inner product, summed in double precision.
func dot(a, b []float32) float64 {
	var s float64
	for i, x := range a {
		s += float64(x) * float64(b[i])
	}
	return s
}
