package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/kernel/twin"
	"github.com/nearfar/nearfar/streams/frame"
	"pgregory.net/rapid"
)

func TestOnlineNeverLeansOnTheSameVisit(t *testing.T) {
	o := NewOnline(100, 2, 5, 0.1, 100)
	for range 10 { // ten equal frames of one visit: nothing to recognise from
		if got, ok := o.Observe([]float32{1, 0}, "cup", "visit 1"); ok {
			t.Fatalf("predicted %q from its own visit", got)
		}
	}
	o.Observe([]float32{0.9, 0.1}, "jar", "visit 2")
	// The cup comes back looking like the jar's visit: its own frames of visit 3 must not help it.
	for range 3 {
		if got, ok := o.Observe([]float32{0.9, 0.1}, "cup", "visit 3"); !ok || got != "cup" {
			t.Fatalf("predicted %q, %v: five nearest of other visits are one jar and four cups", got, ok)
		}
	}
	if got, ok := o.Observe([]float32{0.9, 0.1}, "jar", "visit 2"); ok {
		t.Errorf("predicted %q for an object seen in this visit alone", got)
	}
	want := OnlineCounts{Observed: 15, New: 12, Predicted: 3, Right: 3}
	if o.Counts() != want {
		t.Errorf("counts %+v, want %+v", o.Counts(), want)
	}
}

func TestOnlinePredictsBeforeItStores(t *testing.T) {
	o := NewOnline(10, 2, 1, 0.1, 10)
	o.Observe([]float32{1, 0}, "a", "1")
	o.Observe([]float32{0, 1}, "b", "2")
	if got, ok := o.Observe([]float32{0, 1}, "a", "3"); !ok || got != "b" {
		t.Errorf("predicted %q, %v, want b: the frame's own label was read", got, ok)
	}
	if acc, n := o.Accuracy(); acc != 0 || n != 1 {
		t.Errorf("accuracy %g of %d, want 0 of 1", acc, n)
	}
}

func TestOnlineForgetsTheOldestFirst(t *testing.T) {
	o := NewOnline(3, 1, 1, 0.1, 10)
	for i, label := range []string{"a", "b", "c", "d"} { // a is gone
		o.Observe([]float32{1}, label, fmt.Sprint(i))
	}
	if _, ok := o.Observe([]float32{1}, "a", "later"); ok {
		t.Error("an object was known beyond capacity")
	}
	if _, ok := o.Observe([]float32{1}, "c", "later"); !ok {
		t.Error("an object within capacity was forgotten")
	}
}

func TestOnlineAccuracyIsOfTheLastPredictions(t *testing.T) {
	o := NewOnline(20, 2, 1, 0.1, 4)
	if acc, n := o.Accuracy(); !math.IsNaN(acc) || n != 0 {
		t.Errorf("before any prediction: %g of %d", acc, n)
	}
	o.Observe([]float32{1, 0}, "a", "0")
	o.Observe([]float32{0, 1}, "b", "0")
	for i := range 10 { // five wrong, then five right: all look like a
		label := "b"
		if i >= 5 {
			label = "a"
		}
		o.Observe([]float32{1, 0}, label, fmt.Sprint(i/5+1))
	}
	if acc, n := o.Accuracy(); acc != 1 || n != 4 {
		t.Errorf("accuracy %g of %d, want 1 of 4", acc, n)
	}
	if c := o.Counts(); c.Predicted != 10 || c.Right != 5 {
		t.Errorf("%+v", c)
	}
}

func TestOnlineCountsADivergedModelAsWrong(t *testing.T) {
	o := NewOnline(10, 1, 1, 0.1, 10)
	o.Observe([]float32{1}, "a", "1")
	nan := []float32{float32(math.NaN())}
	if got, ok := o.Observe(nan, "a", "2"); !ok || got != "" {
		t.Errorf("predicted %q, %v", got, ok)
	}
	o.Observe([]float32{1}, "", "3")
	if want := (OnlineCounts{Observed: 3, Unlabelled: 1, New: 1, Predicted: 1}); o.Counts() != want || len(o.s.Labels) != 1 {
		t.Errorf("%+v with %d stored, want %+v with 1", o.Counts(), len(o.s.Labels), want)
	}
}

// slowOnline keeps everything and sorts it.
type slowOnline struct {
	vectors [][]float32
	labels  []string
	visits  []string
}

func (s *slowOnline) observe(v []float32, label, visit string, capacity, k int, temperature float64) (string, bool) {
	v = normalized(v, len(v))
	var rows []float32
	var labels []string
	known := false
	for i := max(0, len(s.labels)-capacity); i < len(s.labels); i++ {
		if s.visits[i] == visit {
			continue
		}
		rows, labels, known = append(rows, s.vectors[i]...), append(labels, s.labels[i]), known || s.labels[i] == label
	}
	s.vectors, s.labels, s.visits = append(s.vectors, v), append(s.labels, label), append(s.visits, visit)
	if !known {
		return "", false
	}
	var hits []kernel.Hit
	for _, f := range twin.Search(rows, v, len(v), k)[0] {
		hits = append(hits, kernel.Hit(f))
	}
	return vote(hits, labels, temperature), true
}

func TestOnlineAgreesWithBruteForceAndGoesOnFromItsState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const dim = 3
		capacity, k := rapid.IntRange(1, 20).Draw(t, "capacity"), rapid.IntRange(1, 30).Draw(t, "k")
		stop := rapid.IntRange(0, 60).Draw(t, "stop")
		r := seed.New(rapid.Uint64().Draw(t, "seed")).Rand()
		o, slow := NewOnline(capacity, dim, k, 0.1, 7), &slowOnline{}
		for i := range 60 {
			if i == stop { // through JSON, as a checkpoint might
				text, err := json.Marshal(o.State())
				var state OnlineState
				if err == nil {
					err = json.Unmarshal(text, &state)
				}
				o = NewOnline(capacity, dim, k, 0.1, 7)
				if err == nil {
					err = o.Restore(state)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			v := []float32{float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64())}
			label, visit := string(rune('a'+r.IntN(4))), fmt.Sprint(i/5)
			got, ok := o.Observe(v, label, visit)
			want, wantOK := slow.observe(v, label, visit, capacity, k, 0.1)
			if got != want || ok != wantOK {
				t.Fatalf("frame %d: %q %v, want %q %v", i, got, ok, want, wantOK)
			}
		}
	})
}

func TestOnlineRefusesAStateThatContradictsItself(t *testing.T) {
	o := NewOnline(3, 2, 1, 0.1, 2)
	for i := range 5 {
		o.Observe([]float32{1, float32(i)}, "a", fmt.Sprint(i))
	}
	for name, spoil := range map[string]func(*OnlineState){
		"other capacity":   func(s *OnlineState) { s.Capacity = 4 },
		"other dimension":  func(s *OnlineState) { s.Dim = 3 },
		"other window":     func(s *OnlineState) { s.Window = 3 },
		"lost vector":      func(s *OnlineState) { s.Vectors = s.Vectors[2:] },
		"lost visit":       func(s *OnlineState) { s.Visits = s.Visits[1:] },
		"slot beyond":      func(s *OnlineState) { s.Next = 3 },
		"slot below":       func(s *OnlineState) { s.Next = -1 },
		"window slot":      func(s *OnlineState) { s.NextRight = 2 },
		"not finite":       func(s *OnlineState) { s.Vectors[0] = float32(math.NaN()) },
		"too many entries": func(s *OnlineState) { s.Right = make([]bool, 9) },
	} {
		before := o.State()
		state := o.State()
		spoil(&state)
		if err := o.Restore(state); err == nil || !reflect.DeepEqual(before, o.State()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVisitsOfOneRigAreSharedByItsCameras(t *testing.T) {
	v := NewVisits(time.Second)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(camera, rig, label string, ms int) string {
		return v.Of(frame.Meta{Camera: camera, Rig: rig, Label: label, Captured: start.Add(time.Duration(ms) * time.Millisecond)})
	}
	first := at("left", "room", "cup", 0)
	for _, c := range []struct {
		what, got string
		same      bool
	}{
		{"other camera", at("right", "room", "cup", 30), true},
		{"other object", at("left", "room", "jar", 60), false},
		{"other rig", at("left", "hall", "cup", 60), false},
		{"no rig", at("left", "", "cup", 60), false},
		{"within the gap", at("left", "room", "cup", 1030), true},
		{"a late frame", at("left", "room", "cup", -900), true},
		{"after the gap", at("left", "room", "cup", 2031), false},
	} {
		if (c.got == first) != c.same {
			t.Errorf("%s: same visit %v, want %v", c.what, c.got == first, c.same)
		}
	}
}

func TestVisitsGoOnFromTheirStateAndForgetWhatIsOver(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	v, straight := NewVisits(time.Second), NewVisits(time.Second)
	for i := range 5000 {
		m := frame.Meta{Camera: "c", Label: fmt.Sprint(i / 7 % 50), Captured: start.Add(time.Duration(i) * 100 * time.Millisecond)}
		if i%100 == 0 {
			again := NewVisits(time.Second)
			again.Restore(v.State())
			v = again
		}
		if got, want := v.Of(m), straight.Of(m); got != want {
			t.Fatalf("frame %d: %q after restoring, %q straight", i, got, want)
		}
		if n := len(v.State()); n > 10 {
			t.Fatalf("%d visits remembered after frame %d", n, i)
		}
	}
}
