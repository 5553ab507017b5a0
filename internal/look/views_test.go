package look

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// filmed is a camera's frames at these times, in milliseconds.
func filmed(times ...int) []*frame.Frame {
	var out []*frame.Frame
	for _, ms := range times {
		out = append(out, &frame.Frame{Meta: frame.Meta{Captured: time.UnixMilli(int64(ms))}})
	}
	return out
}

func timesOf(cameras [][]*frame.Frame) string {
	var out []string
	for _, frames := range cameras {
		var times []int64
		for _, f := range frames {
			times = append(times, f.Captured.UnixMilli())
		}
		out = append(out, fmt.Sprint(times))
	}
	return strings.Join(out, " ")
}

func TestInstantsPairFramesOfOneMoment(t *testing.T) {
	for _, c := range []struct {
		name    string
		cameras [][]*frame.Frame
		want    string
		missed  int
	}{
		{"skewed", [][]*frame.Frame{filmed(0, 100, 200), filmed(30, 110, 240)}, "[0 100 200] [30 110 240]", 0},
		{"a frame lost", [][]*frame.Frame{filmed(0, 100, 200, 300), filmed(5, 205, 305)}, "[0 200 300] [5 205 305]", 1},
		{"a faster camera", [][]*frame.Frame{filmed(0, 50, 100, 150, 200), filmed(10, 110, 210)}, "[0 100 200] [10 110 210]", 0},
		{"one starts later", [][]*frame.Frame{filmed(0, 100, 200, 300), filmed(190, 290)}, "[200 300] [190 290]", 2},
		{"no frame is used twice", [][]*frame.Frame{filmed(0, 100, 140, 240), filmed(120, 220, 320)}, "[100 240] [120 220]", 2},
		{"never together", [][]*frame.Frame{filmed(0, 10), filmed(1000, 1010)}, "[] []", 2},
		{"nothing", [][]*frame.Frame{nil, filmed(1)}, "[] []", 0},
	} {
		got, missed := Instants(c.cameras)
		if timesOf(got) != c.want || missed != c.missed {
			t.Errorf("%s: %s, %d missed, want %s, %d", c.name, timesOf(got), missed, c.want, c.missed)
		}
	}
}

// rigsOf is two events by three cameras and their vectors; see writes that of an instant as a camera sees it.
func rigsOf(see func(event, camera, t int, v []float32)) (rigs []Rig, vectors [][]float32) {
	const n, dim = 30, 16
	for event := range 2 {
		r := Rig{Name: fmt.Sprint("event", event)}
		var all []float32
		for camera := range 3 {
			r.Cameras = append(r.Cameras, make([]*frame.Frame, n))
			for i := range n {
				v := make([]float32, dim)
				see(event, camera, i, v)
				all = append(all, v...)
			}
		}
		rigs, vectors = append(rigs, r), append(vectors, all)
	}
	return rigs, vectors
}

func TestViewsThatKnowTheInstantScoreBest(t *testing.T) {
	rigs, vectors := rigsOf(func(event, camera, at int, v []float32) {
		r := seed.New(1).Rand(uint64(event), uint64(at))
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		v[0] += 0.01 * float32(camera)
	})
	s, err := JudgeViews("good", rigs, vectors, 16, 1)
	if err != nil || s.Alignment != 0 || s.Tau != 1 || s.Cycle != 1 || s.Within != 1 || s.Pairs != 12 || s.Stuck != 0 || s.Distance > 1e-3 || s.Uniformity > -3 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestViewsThatKnowOnlyTheirCameraScoreNoBetterThanChance(t *testing.T) {
	rigs, vectors := rigsOf(func(_, camera, _ int, v []float32) { v[camera] = 1 })
	s, err := JudgeViews("collapsed", rigs, vectors, 16, 1)
	chance := ViewChance(rigs, 1)
	if err != nil || s.Alignment < chance.Alignment || s.Tau != 0 || s.Cycle != 0 || s.Within != 0 || s.Stuck != 12 || math.Abs(s.Distance-2) > 1e-6 {
		t.Errorf("%+v, %v", s, err)
	}
	if want := (30.0*30 - 1) / (3 * 30 * 30); math.Abs(chance.Alignment-want) > 1e-12 || chance.Pairs != 12 || chance.Tau != 0 || math.Abs(chance.Cycle-30.0/59) > 1e-12 {
		t.Errorf("%+v", chance)
	}
}

func TestViewsThatCannotBeJudgedAreNamed(t *testing.T) {
	rigs, vectors := rigsOf(func(_, _, _ int, v []float32) { v[0] = 1 })
	vectors[1][5] = float32(math.NaN())
	if _, err := JudgeViews("bad", rigs, vectors, 16, 1); err == nil || !strings.Contains(err.Error(), "event1: camera 0: an embedding is not finite") {
		t.Errorf("%v", err)
	}
}

func TestAShareOfTheLabelsTrainsTheProbe(t *testing.T) {
	var vectors []float32
	var labels []string
	r := seed.New(2).Rand()
	for range 400 {
		class := r.IntN(4)
		labels = append(labels, fmt.Sprint("class", class))
		v := make([]float32, 8)
		v[class] = 2
		for j := range v {
			v[j] += float32(r.NormFloat64())
		}
		vectors = append(vectors, v...)
	}
	all, err := JudgeWith("all", vectors, 8, labels, 1)
	if err != nil || all.Labels != 200 || all.Uniformity >= -0.5 {
		t.Fatalf("%+v %v", all, err)
	}
	few, err := JudgeWith("few", vectors, 8, labels, 0.05)
	if err != nil || few.Labels < 8 || few.Labels > 12 || few.Linear >= all.Linear || few.Linear < 0.3 || few.KNN != all.KNN {
		t.Errorf("%+v, with all labels %+v, %v", few, all, err)
	}
	set, err := eval.NewSet(8, vectors, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	train, test := Split(set, 0.05)
	odd := func(row int) bool { return row%2 == 1 }
	if slices.ContainsFunc(train, odd) || !slices.ContainsFunc(test, odd) || len(train) != few.Labels || len(test) != 200 {
		t.Errorf("%d and %d rows", len(train), len(test))
	}
}
