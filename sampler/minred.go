package sampler

import "math"

// minred is the minimum-redundancy buffer of Purushwalkam, Morgado & Gupta 2022 (arXiv:2203.12710): the
// anchor goes whose nearest neighbour among the features seen so far is closest, the older one of a pair.
// What the encoder has not seen yet stays; while it has seen fewer than two, the oldest goes.
//
// The paper compares all pairs before each eviction, O(size²·dim). Here each anchor remembers its nearest
// neighbour, and the pair's cosine is always true for the features of now. That the neighbour is the nearest
// is exact when it is found and an approximation after the features of third ones have moved. It is looked
// for again among all
//   - when the anchor is first seen, which also tells the others about it,
//   - when its neighbour went and it would be the next to go,
//   - in turn, one anchor at each eviction,
//
// and among the next 64 anchors, in turn, whenever the anchor is seen again. So an eviction costs at most
// (searches + 2)·size·dim multiplications.
type minred struct {
	dim    int
	sights []sight // by slot of the replay buffer
	stripe int     // slot of the first candidate of the next anchor seen again
	turn   int     // slot whose neighbour is looked for again at the next eviction
}

// sight is what is known of a kept anchor.
type sight struct {
	born    uint64    // how many anchors came before it
	feature []float32 // (dim), unit length; nil: not seen
	near    int       // slot of the nearest neighbour; orphan where it went or there never was one
	cos     float32   // to the nearest neighbour; of an orphan the last one known
}

const (
	orphan     = -1
	unknown    = -2 // less than any cosine
	candidates = 64
	searches   = 8 // most orphans an eviction finds new neighbours for
)

// insert begins a slot anew, for an anchor that n came before.
func (m *minred) insert(i int, n uint64) {
	if i == len(m.sights) {
		m.sights = append(m.sights, sight{})
	}
	m.sights[i] = sight{born: n, near: orphan, cos: unknown}
	for j := range m.sights {
		if m.sights[j].near == i {
			m.sights[j].near = orphan
		}
	}
}

// shape makes all features have dim numbers; those of another network are forgotten.
func (m *minred) shape(dim int) {
	if m.dim == dim {
		return
	}
	m.dim = dim
	for i := range m.sights {
		m.sights[i] = sight{born: m.sights[i].born, near: orphan, cos: unknown}
	}
}

// learn takes an embedding, of any length, of the anchor in a slot: the feature is the running mean of unit
// embeddings, half of it the last one, scaled to unit length.
func (m *minred) learn(i int, v []float32) {
	scale := 1 / math.Sqrt(float64(dot(v, v)))
	if math.IsInf(scale, 0) || math.IsNaN(scale) || scale == 0 {
		return // no direction
	}
	s := &m.sights[i]
	first := s.feature == nil
	if first {
		s.feature = make([]float32, len(v))
	}
	for k, x := range v {
		x *= float32(scale)
		if !first {
			x = (s.feature[k] + x) / 2
		}
		s.feature[k] = x
	}
	if first {
		m.search(i)
		return
	}
	if scale := 1 / math.Sqrt(float64(dot(s.feature, s.feature))); !math.IsInf(scale, 0) {
		for k := range s.feature {
			s.feature[k] *= float32(scale)
		}
	}
	m.moved(i)
}

// moved makes the pairs of an anchor true again and compares it with the next candidates.
func (m *minred) moved(i int) {
	s := &m.sights[i]
	if s.near != orphan {
		s.cos = dot(s.feature, m.sights[s.near].feature)
	}
	for j := range m.sights {
		if o := &m.sights[j]; o.near == i {
			o.cos = dot(o.feature, s.feature)
		}
	}
	for range min(candidates, len(m.sights)) {
		m.stripe = (m.stripe + 1) % len(m.sights)
		m.meet(i, m.stripe)
	}
}

// search finds the nearest neighbour of an anchor among all, and makes it that of those that it is closer to
// than what they have.
func (m *minred) search(i int) {
	m.sights[i].near, m.sights[i].cos = orphan, unknown
	for j := range m.sights {
		m.meet(i, j)
	}
}

// meet compares two anchors.
func (m *minred) meet(i, j int) {
	a, b := &m.sights[i], &m.sights[j]
	if i == j || b.feature == nil {
		return
	}
	c := dot(a.feature, b.feature)
	if c > a.cos {
		a.near, a.cos = j, c
	}
	if c > b.cos {
		b.near, b.cos = i, c
	}
}

// evict says which slot is to be taken next.
func (m *minred) evict() int {
	seen, oldest := 0, 0
	for i, s := range m.sights {
		if s.feature != nil {
			seen++
		}
		if s.born < m.sights[oldest].born {
			oldest = i
		}
	}
	if seen < 2 {
		return oldest
	}
	m.turn = (m.turn + 1) % len(m.sights)
	if m.sights[m.turn].feature != nil {
		m.search(m.turn)
	}
	for range searches {
		i := m.closest(true)
		if m.sights[i].near != orphan {
			return i
		}
		m.search(i)
	}
	return m.closest(false)
}

// closest is the seen anchor that is closest to its neighbour, the oldest of several.
func (m *minred) closest(orphans bool) int {
	best := orphan
	for i, s := range m.sights {
		if s.feature == nil || s.near == orphan && !orphans {
			continue
		}
		if best == orphan || s.cos > m.sights[best].cos || s.cos == m.sights[best].cos && s.born < m.sights[best].born {
			best = i
		}
	}
	return best
}

// dot is the scalar product, in four running sums.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		x, y := (*[4]float32)(a), (*[4]float32)(b)
		s0, s1, s2, s3 = s0+x[0]*y[0], s1+x[1]*y[1], s2+x[2]*y[2], s3+x[3]*y[3]
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		s0 += x * b[i]
	}
	return s0 + s1 + s2 + s3
}
