package loss

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/internal/seed"
)

func listed(row, slot []int32, i int) []int32 {
	if row == nil {
		return nil
	}
	return slot[row[i]:row[i+1]]
}

// vinceTwin is VINCE by the book.
func vinceTwin(q []float64, d int, in *Positives, neg *Negatives, temperature float64) float64 {
	keys, bank := double(in.Keys), double(neg.Keys)
	total, pairs := 0.0, 0
	for i := range len(q) / d {
		row := q[i*d : (i+1)*d]
		mine := listed(in.Row, in.Slot, i)
		var others []float64
		for j := range len(bank) / d {
			if !slices.Contains(listed(neg.Row, neg.Slot, i), int32(j)) {
				others = append(others, inner(row, bank[j*d:(j+1)*d])/temperature)
			}
		}
		for j := range len(keys) / d {
			if in.InBatch && !slices.Contains(mine, int32(j)) && !slices.Contains(listed(in.NearRow, in.NearSlot, i), int32(j)) {
				others = append(others, inner(row, keys[j*d:(j+1)*d])/temperature)
			}
		}
		for _, p := range mine {
			s := inner(row, keys[int(p)*d:int(p+1)*d]) / temperature
			total += logSumExp(append(slices.Clone(others), s)) - s
			pairs++
		}
	}
	return total / math.Max(1, float64(pairs))
}

// scenes are n queries of scenes of so many frames, each frame a positive of the queries of its scene.
func scenes(n, d, frames int, inBatch bool) *Positives {
	in := &Positives{Keys: units(seed.New(5).Rand(), n, d), InBatch: inBatch, Row: []int32{0}}
	for i := range n {
		for j := range n {
			if i/frames == j/frames {
				in.Slot = append(in.Slot, int32(j))
			}
		}
		in.Row = append(in.Row, int32(len(in.Slot)))
	}
	return in
}

func TestVINCEEqualsItsTwinAndItsFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		n, d, frames, k       int
		inBatch, near, masked bool
	}{{1, 2, 1, 1, false, false, false}, {8, 8, 4, 0, true, false, false}, {8, 8, 4, 50, false, false, true}, {9, 8, 4, 50, true, true, true}, {32, 16, 4, 600, true, true, false}} {
		r := seed.New(uint64(c.n)).Rand()
		q, in, neg := rows(units(r, c.n, c.d), c.d), scenes(c.n, c.d, c.frames, c.inBatch), &Negatives{Keys: units(r, c.k, c.d)}
		if c.near {
			in.NearRow, in.NearSlot = someMask(r, c.n, c.n)
		}
		if c.masked {
			neg.Row, neg.Slot = someMask(r, c.n, c.k)
		}
		var told Contrast
		value, slopes := evaluate(t, 1, []array{q}, func(n []*G.Node) (*G.Node, error) { return VINCE(n[0], in, neg, 0.1, &told) })
		agrees(t, "VINCE", value, slopes, []array{q}, func(x [][]float64) float64 { return vinceTwin(x[0], c.d, in, neg, float64(float32(0.1))) })
		if !c.near && !c.masked {
			others := c.k
			if c.inBatch {
				others += c.n - c.frames
			}
			near(t, "candidates", float64(told.Candidates), math.Log(float64(1+others)), 1e-5)
		}
	}
}

// Values of testdata/gen/vince.py.
func TestVINCEEqualsPyTorch(t *testing.T) {
	var ref struct {
		D                          int
		Temperature                float32
		Query, Key, Bank, Gradient []float32
		Row, Slot                  []int32
		Loss                       float64
	}
	golden(t, "vince", &ref)
	value, slopes := evaluate(t, 1, []array{rows(ref.Query, ref.D)}, func(n []*G.Node) (*G.Node, error) {
		return VINCE(n[0], &Positives{Keys: ref.Key, Row: ref.Row, Slot: ref.Slot, InBatch: true}, &Negatives{Keys: ref.Bank}, ref.Temperature, new(Contrast))
	})
	near(t, "VINCE", value, ref.Loss, 1e-5)
	same(t, "VINCE's gradient", slopes[0], ref.Gradient)
}

func TestVINCEOfOnePositiveIsInfoNCE(t *testing.T) {
	r := seed.New(8).Rand()
	q, neg := units(r, 5, 8), &Negatives{Keys: units(r, 40, 8)}
	in := scenes(5, 8, 1, false)
	want, slope, told := run(t, q, in.Keys, 8, neg, 0.2)
	var got Contrast
	value, slopes := evaluate(t, 1, []array{rows(q, 8)}, func(n []*G.Node) (*G.Node, error) { return VINCE(n[0], in, neg, 0.2, &got) })
	near(t, "VINCE", value, want, 1e-6)
	same(t, "VINCE's gradient", slopes[0], slope)
	near(t, "the bound", float64(got.MIBound()), float64(told.MIBound()), 1e-6)
}

func TestVINCEWithoutPairsIsZero(t *testing.T) {
	value, slopes := evaluate(t, 1, []array{rows([]float32{1, 0}, 2)}, func(n []*G.Node) (*G.Node, error) {
		return VINCE(n[0], &Positives{Row: []int32{0, 0}}, &Negatives{}, 0.2, new(Contrast))
	})
	if value != 0 {
		t.Errorf("loss %v", value)
	}
	same(t, "the gradient", slopes[0], make([]float32, 2))
}

func TestVINCERefusesWhatDoesNotFit(t *testing.T) {
	q := []array{rows(make([]float32, 6), 3)}
	with := func(in Positives, neg Negatives, temperature float32) error {
		return refusal(q, func(n []*G.Node) (*G.Node, error) { return VINCE(n[0], &in, &neg, temperature, new(Contrast)) })
	}
	keys, row, slot := make([]float32, 6), []int32{0, 1, 2}, []int32{0, 1}
	if err := with(Positives{Keys: keys, Row: row, Slot: slot}, Negatives{}, 1); err != nil {
		t.Error(err)
	}
	refuses(t, map[string]error{
		"zero temperature":        with(Positives{Keys: keys, Row: row, Slot: slot}, Negatives{}, 0),
		"half a key":              with(Positives{Keys: keys[1:], Row: row, Slot: slot}, Negatives{}, 1),
		"half a negative":         with(Positives{Keys: keys, Row: row, Slot: slot}, Negatives{Keys: keys[1:]}, 1),
		"no list":                 with(Positives{Keys: keys}, Negatives{}, 1),
		"a list of other queries": with(Positives{Keys: keys, Row: []int32{0, 2}, Slot: slot}, Negatives{}, 1),
		"a list without its end":  with(Positives{Keys: keys, Row: []int32{0, 1, 1}, Slot: slot}, Negatives{}, 1),
		"a key beyond":            with(Positives{Keys: keys, Row: row, Slot: []int32{0, 2}}, Negatives{}, 1),
		"near keys beyond":        with(Positives{Keys: keys, Row: row, Slot: slot, NearRow: row, NearSlot: []int32{0, 2}}, Negatives{}, 1),
		"a mask beyond":           with(Positives{Keys: keys, Row: row, Slot: slot}, Negatives{Keys: keys, Row: row, Slot: []int32{0, 2}}, 1),
	})
}
