package bank

import "github.com/nearfar/nearfar/model/kernel"

// Hit is a key that a query found.
type Hit struct {
	Slot   int
	Score  float32 // cosine of query and key, 1 at best
	Origin Origin
}

// Nearest are the k keys most similar to the query (dim numbers), best first, ties by slot: an exact search
// by cosine. A zero vector is similar to nothing (score 0). There are fewer than k where the bank holds
// fewer keys.
func (b *Rolling) Nearest(query []float32, k int) []Hit {
	if len(query) != b.dim {
		panic("bank: the query is not as long as a key")
	}
	var hits []Hit
	for _, h := range kernel.Search(b.keys, query, b.dim, k)[0] {
		hits = append(hits, Hit{Slot: h.Row, Score: h.Score, Origin: b.origins[h.Row]})
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
