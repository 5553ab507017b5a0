package sampler

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/internal/seed"
)

// closeness is the cosine of each seen slot to its nearest neighbour, by comparing all in plain float64.
func (m *minred) closeness() []float64 {
	out := make([]float64, len(m.sights))
	for i, a := range m.sights {
		out[i] = -2
		for j, b := range m.sights {
			if i == j || a.feature == nil || b.feature == nil {
				continue
			}
			c := 0.
			for k := range a.feature {
				c += float64(a.feature[k]) * float64(b.feature[k])
			}
			out[i] = max(out[i], c)
		}
	}
	return out
}

// exact is the eviction of the paper.
func (m *minred) exact() int {
	best := -1
	c := m.closeness()
	for i, s := range m.sights {
		if s.feature != nil && (best < 0 || c[i] > c[best]+1e-7 || c[i] > c[best]-1e-7 && s.born < m.sights[best].born) {
			best = i
		}
	}
	return best
}

func unit(v []float32) []float32 {
	n := 0.
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(n))
	}
	return out
}

// world is what an encoder makes of a correlated stream: scenes of uneven length, most of them seen before,
// in each a slow walk about its place; the encoder itself turns slowly, and no look is quite like another.
type world struct {
	places [][]float32
	anchor [][]float32 // of each anchor, before the encoder
	spin   [][]float32 // dim×dim
}

const worldDim = 16

func newWorld(root uint64, n int) *world {
	r := seed.New(root).Rand()
	normal := func(scale float64) []float32 {
		v := make([]float32, worldDim)
		for k := range v {
			v[k] = float32(scale * r.NormFloat64())
		}
		return v
	}
	w := &world{}
	for range 15 {
		w.places = append(w.places, normal(1))
	}
	for range worldDim {
		w.spin = append(w.spin, normal(1))
	}
	var place, walk []float32
	for i, left := 0, 0; i < n; i++ {
		if left == 0 {
			left = 10 + r.IntN(120)
			place, walk = w.places[int(15*r.Float64()*r.Float64())], normal(0.5)
		}
		left--
		v, step := make([]float32, worldDim), normal(0.1)
		for k := range v {
			walk[k] = 0.98*walk[k] + step[k]
			v[k] = place[k] + walk[k]
		}
		w.anchor = append(w.anchor, v)
	}
	return w
}

// sees is the embedding of an anchor after so many steps, without noise.
func (w *world) sees(a *anchor, step int) []float32 {
	x := w.anchor[a.frame.Seq]
	v := slices.Clone(x)
	turn := float32(0.3 * math.Sin(float64(step)/300))
	for k := range v {
		v[k] += turn / 4 * dot(w.spin[k], x)
	}
	return unit(v)
}

// redundancy lets a policy keep what it wants of a world and says how close what it keeps is, on average, to
// its nearest neighbour for the encoder at the end. A step follows every four anchors: it sees the newest
// four and twelve of the buffer.
func (w *world) redundancy(r replay, evict func(*minred) int) float64 {
	draw := seed.New(3).Rand()
	sum, times := 0., 0
	learn := func(a *anchor, step int) {
		if r.minred != nil && r.holds(a) {
			v := w.sees(a, step)
			for k := range v {
				v[k] += 0.03 * float32(draw.NormFloat64())
			}
			r.minred.learn(a.slot, v)
		}
	}
	if r.minred != nil {
		r.minred.shape(worldDim)
	}
	as := numbered(len(w.anchor))
	for n, a := range as {
		if i := len(r.kept); r.minred == nil || i < r.size {
			r.add(a)
		} else {
			i = evict(r.minred)
			r.put(i, a)
			r.minred.insert(i, uint64(n))
		}
		if n%4 == 3 {
			for _, a := range as[n-3 : n+1] {
				learn(a, n/4)
			}
			for range 12 {
				learn(r.kept[draw.IntN(len(r.kept))], n/4)
			}
		}
		if n >= len(as)/2 && n%50 == 0 {
			truth := &minred{}
			for _, a := range r.kept {
				truth.sights = append(truth.sights, sight{feature: w.sees(a, n/4)})
			}
			for _, c := range truth.closeness() {
				sum += c / float64(len(r.kept))
			}
			times++
		}
	}
	return sum / float64(times)
}

// Means of the distance to the nearest neighbour, 1 − cosine; the seeds are fixed.
func TestMinimumRedundancyKeepsAsDiverseASetAsThePaper(t *testing.T) {
	const size, worlds = 60, 5
	distance := map[string]float64{}
	for root := range uint64(worlds) {
		w := newWorld(root, 1500)
		for _, policy := range policies()[1:] {
			distance[policy] += (1 - w.redundancy(replayOf(policy, size, 16, 0, root), (*minred).evict)) / worlds
		}
		distance["exact"] += (1 - w.redundancy(replayOf(ReplayMinRed, size, 16, 0, root), (*minred).exact)) / worlds
	}
	t.Logf("distances to the nearest neighbour: %v", distance)
	ours := distance[ReplayMinRed]
	if ours < 0.95*distance["exact"] {
		t.Errorf("the neighbours lie %.4f apart, those of the paper's buffer %.4f", ours, distance["exact"])
	}
	for policy, most := range map[string]float64{ReplayReservoir: 0.75, ReplayTwoTier: 0.75, ReplayFIFO: 0.1} {
		if distance[policy] > most*ours {
			t.Errorf("the neighbours lie %.4f apart, those of policy %s %.4f", ours, policy, distance[policy])
		}
	}
}

func TestEvictionsAreThoseOfThePaperWhileFeaturesStandStill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, dim := rapid.IntRange(2, 40).Draw(t, "size"), rapid.IntRange(2, 6).Draw(t, "dim")
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		m := &minred{}
		m.shape(dim)
		for n := range uint64(100) {
			i := len(m.sights)
			if i == size {
				best, c := m.exact(), m.closeness()
				if i = m.evict(); c[i] < c[best]-1e-6 {
					t.Fatalf("after %d anchors slot %d goes, %v close to its neighbour, instead of slot %d, %v close", n, i, c[i], best, c[best])
				}
			}
			m.insert(i, n)
			v := make([]float32, dim)
			for k := range v {
				v[k] = float32(r.NormFloat64())
			}
			m.learn(i, v)
		}
	})
}

func TestOlderOfAClosePairGoes(t *testing.T) {
	m := &minred{}
	m.shape(2)
	for i, v := range [][]float32{{1, 0}, {0, 1}, {-1, 0.1}, {0.1, 1}} {
		m.insert(i, uint64(10-i)) // the later the slot, the older
		m.learn(i, v)
	}
	if i := m.evict(); i != 3 {
		t.Errorf("slot %d goes instead of 3, the older of the pair 1 and 3", i)
	}
}

func TestUnseenAnchorsStayAndTheOldestGoesWhileFewAreSeen(t *testing.T) {
	m := &minred{}
	m.shape(2)
	for i := range 6 {
		m.insert(i, uint64(20+5*i%6)) // slot 0 is the oldest
	}
	m.learn(3, []float32{1, 0})
	if i := m.evict(); i != 0 {
		t.Errorf("slot %d goes instead of the oldest, while one anchor has been seen", i)
	}
	m.learn(4, []float32{-1, 0})
	if i := m.evict(); i != 3 && i != 4 {
		t.Errorf("slot %d goes, which has not been seen", i)
	}
}

func TestFeaturesAreARunningMeanOfUnitEmbeddings(t *testing.T) {
	m := &minred{}
	m.shape(2)
	m.insert(0, 0)
	for _, step := range []struct{ v, want []float32 }{
		{[]float32{0, 0}, nil}, // no direction
		{[]float32{float32(math.Inf(1)), 0}, nil},
		{[]float32{float32(math.NaN()), 0}, nil},
		{[]float32{5, 0}, []float32{1, 0}},
		{[]float32{0, 0.1}, unit([]float32{1, 1})},
		{[]float32{-3, 0}, unit([]float32{math.Sqrt2/2 - 1, math.Sqrt2 / 2})},
	} {
		m.learn(0, step.v)
		got := m.sights[0].feature
		if len(got) != len(step.want) {
			t.Fatalf("after %v the feature is %v", step.v, got)
		}
		for k := range got {
			if math.Abs(float64(got[k]-step.want[k])) > 1e-6 {
				t.Fatalf("after %v the feature is %v instead of %v", step.v, got, step.want)
			}
		}
	}
}

// Whatever comes, a pair's cosine is that of the features of now.
func TestCosinesAreTrueOfTheFeaturesOfNow(t *testing.T) {
	m := &minred{}
	m.shape(3)
	r := seed.New(1).Rand()
	for n := range uint64(2000) {
		if n%4 == 0 {
			i := len(m.sights)
			if i == 30 {
				i = m.evict()
			}
			m.insert(i, n)
		}
		m.learn(r.IntN(len(m.sights)), []float32{float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())})
		for i, s := range m.sights {
			if s.near != orphan && s.cos != dot(s.feature, m.sights[s.near].feature) {
				t.Fatalf("after %d looks the cosine of slot %d is said to be %v", n, i, s.cos)
			}
		}
		if !m.consistent(len(m.sights)) {
			t.Fatalf("after %d looks the sights contradict themselves", n)
		}
	}
}

func TestLearnedReachesTheAnchorsThatAreKept(t *testing.T) {
	c := keepAll()
	c.Batch, c.Replay = 8, ReplayConfig{Policy: ReplayMinRed, Size: 10, Newest: 0.5}
	s := filled(c, 1, smallFootage(60))
	var d Draw
	s.Draw(0, &d)
	gone := d.anchors[0]
	s.replay.put(gone.slot, &anchor{frame: gone.frame, near: gone.near}) // another took its slot
	vectors := make([]float32, 8*2)
	for row := range 8 {
		vectors[2*row] = float32(row + 1)
	}
	s.Learned(&d, vectors, 2)
	for i, a := range s.replay.kept {
		if got, want := s.replay.minred.sights[i].feature != nil, slices.Contains(d.anchors, a); got != want {
			t.Errorf("slot %d is seen: %v, was in the draw: %v", i, got, want)
		}
	}
	s.Learned(&d, make([]float32, 8*3), 3)
	for i, sight := range s.replay.minred.sights {
		if sight.feature != nil {
			t.Errorf("slot %d remembers a feature of another network", i)
		}
	}
}
