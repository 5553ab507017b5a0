package eval

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// golden is testdata/golden.json; testdata/gen/golden.py made it and says how.
type golden struct {
	Dim           int       `json:"dim"`
	Classes       int       `json:"classes"`
	Gallery       []float32 `json:"gallery"`
	GalleryLabels []int     `json:"gallery_labels"`
	Query         []float32 `json:"query"`
	QueryLabels   []int     `json:"query_labels"`
	KNN           []votes   `json:"knn"`
	LeaveOneOut   []votes   `json:"leave_one_out"`
	Std           float64   `json:"std"`
	RankMe        float64   `json:"rankme"`
	RankMeWide    float64   `json:"rankme_wide"`
	Uniformity    float64   `json:"uniformity"`
	Alignment     float64   `json:"alignment"`
	ProbeLoss     float64   `json:"probe_loss"`
	Probe         []int     `json:"probe_predicted"`
}

type votes struct {
	K         int     `json:"k"`
	T         float64 `json:"t"`
	Predicted []int   `json:"predicted"`
}

func readGolden(t *testing.T) (g golden, gallery, query Set) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	names := []string{"a", "b", "c", "d"}[:g.Classes]
	return g, Set{g.Dim, g.Gallery, g.GalleryLabels, names}, Set{g.Dim, g.Query, g.QueryLabels, names}
}

func TestKNNAgreesWithNumPy(t *testing.T) {
	g, gallery, query := readGolden(t)
	for _, c := range g.KNN {
		if got := predict(gallery, query, c.K, c.T, false); !slices.Equal(got, c.Predicted) {
			t.Errorf("k=%d T=%g:\n got %v\nwant %v", c.K, c.T, got, c.Predicted)
		}
		if got, want := KNN(gallery, query, c.K, c.T), Accuracy(c.Predicted, g.QueryLabels); got != want {
			t.Errorf("k=%d T=%g: accuracy %g, want %g", c.K, c.T, got, want)
		}
	}
	for _, c := range g.LeaveOneOut {
		if got := predict(gallery, gallery, c.K, c.T, true); !slices.Equal(got, c.Predicted) {
			t.Errorf("leave one out, k=%d T=%g:\n got %v\nwant %v", c.K, c.T, got, c.Predicted)
		}
		if got, want := LeaveOneOut(gallery, c.K, c.T), Accuracy(c.Predicted, g.GalleryLabels); got != want {
			t.Errorf("leave one out, k=%d T=%g: accuracy %g, want %g", c.K, c.T, got, want)
		}
	}
}

func TestCollapseMeasuresAgreeWithNumPy(t *testing.T) {
	g, gallery, query := readGolden(t)
	std, rankme := Spread(gallery.Vectors, g.Dim)
	_, wide := Spread(gallery.Vectors[:5*g.Dim], g.Dim)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"std", std, g.Std},
		{"RankMe of more rows than dimensions", rankme, g.RankMe},
		{"RankMe of fewer rows than dimensions", wide, g.RankMeWide},
		{"uniformity", Uniformity(gallery.Vectors, g.Dim), g.Uniformity},
		{"alignment", Alignment(gallery.Vectors[:len(query.Vectors)], query.Vectors, g.Dim), g.Alignment},
	} {
		if math.Abs(c.got-c.want) > 1e-5*math.Abs(c.want) {
			t.Errorf("%s: %.9g, NumPy says %.9g", c.name, c.got, c.want)
		}
	}
}

func TestLinearProbeReachesNewtonsMinimum(t *testing.T) {
	g, train, test := readGolden(t)
	mean, scale := moments(train)
	r := &regression{n: train.Len(), dim: g.Dim, classes: g.Classes, labels: train.Labels, x: standardized(train, mean, scale)}
	_, loss, err := r.fit()
	if err != nil || math.Abs(loss-g.ProbeLoss) > 1e-9 {
		t.Errorf("objective %.12g (%v), NumPy says %.12g", loss, err, g.ProbeLoss)
	}
	got, err := LinearProbe(train, test)
	if want := Accuracy(g.Probe, g.QueryLabels); err != nil || got != want {
		t.Errorf("accuracy %g (%v), NumPy says %g", got, err, want)
	}
}
