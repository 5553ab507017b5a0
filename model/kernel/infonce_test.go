package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/nearfar/nearfar/model/kernel/twin"
)

func TestInfoNCEAgreesWithItsTwin(t *testing.T) {
	for _, c := range []struct {
		n, d, size int
		t          float32
		masked     float64
	}{{64, 128, 4096, 0.1, 0}, {64, 128, 1000, 0.07, 0.3}, {3, 5, 7, 0.5, 0.5}, {1, 2, 1, 1, 0}, {4, 16, 0, 0.1, 0}, {5, 8, 300, 0.2, 1}, {7, 32, 257, 0.01, 0.1}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			r := random("infonce")
			q, k, bank := unitRows(r, c.n, c.d), unitRows(r, c.n, c.d), unitRows(r, c.size, c.d)
			row, slot := []int32{0}, []int32{}
			for range c.n {
				for s := range c.size {
					if r.Float64() < c.masked {
						slot = append(slot, int32(s))
					}
				}
				row = append(row, int32(len(slot)))
			}
			want, wantDQ := twin.InfoNCE(q, k, bank, c.n, c.d, float64(c.t), row, slot)
			dq := make([]float32, c.n*c.d)
			var got InfoNCEStats
			InfoNCE(q, k, bank, c.n, c.d, c.size, c.t, row, slot, dq, &got)
			near(t, "dq", dq, wantDQ, rel)
			near(t, "stats", []float32{got.Loss, got.Positive, got.Negative, got.Accuracy, got.Candidates},
				[]float32{float32(want.Loss), float32(want.Positive), float32(want.Negative), float32(want.Accuracy), float32(want.Candidates)}, rel)
			again := make([]float32, len(dq))
			InfoNCE(q, k, bank, c.n, c.d, c.size, c.t, row, slot, again, &got)
			if !slices.Equal(dq, again) {
				t.Error("the same pass gave other bits")
			}
		})
	}
}

func TestInfoNCEWithoutMaskUsesAllNegatives(t *testing.T) {
	r := random("infonce")
	q, k, bank := unitRows(r, 4, 16), unitRows(r, 4, 16), unitRows(r, 500, 16)
	var got InfoNCEStats
	InfoNCE(q, k, bank, 4, 16, 500, 0.1, nil, nil, make([]float32, 64), &got)
	if want := math.Log(501); math.Abs(float64(got.Candidates)-want) > 1e-5 {
		t.Errorf("ln candidates is %v, want %v", got.Candidates, want)
	}
}

// 11.090 = ln 65537 is what MoCo's loss begins at with 65,536 negatives that all look alike.
func TestInfoNCEAtChanceIsLnOfCandidates(t *testing.T) {
	one := make([]float32, 8)
	one[0] = 1
	var got InfoNCEStats
	InfoNCE(one, one, slices.Repeat(one, 65536), 1, 8, 65536, 0.07, nil, nil, make([]float32, 8), &got)
	if math.Abs(float64(got.Loss)-11.090) > 1e-3 {
		t.Errorf("loss is %v, want 11.090", got.Loss)
	}
}

// Keys that all look alike, as of a collapsed encoder, are no answer.
func TestInfoNCECountsNoTies(t *testing.T) {
	one := unitRows(random("collapsed"), 1, 128)
	for size, want := range map[int]float32{0: 1, 1: 0, 300: 0} {
		var got InfoNCEStats
		InfoNCE(one, one, slices.Repeat(one, size), 1, 128, size, 0.1, nil, nil, make([]float32, 128), &got)
		if c, _ := twin.InfoNCE(one, one, slices.Repeat(one, size), 1, 128, 0.1, nil, nil); got.Accuracy != want || float32(c.Accuracy) != want {
			t.Errorf("with %d keys like the positive, accuracy is %v and the twin's %v, want %v", size, got.Accuracy, c.Accuracy, want)
		}
	}
}

func TestInfoNCERefusesAMaskThatIsNotAscending(t *testing.T) {
	for _, slots := range [][]int32{{2, 1}, {1, 1}, {3, 9}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("slots %v were taken", slots)
				}
			}()
			x := make([]float32, 9)
			InfoNCE(x[:1], x[:1], x, 1, 1, 9, 1, []int32{0, 2}, slots, x[:1], new(InfoNCEStats))
		}()
	}
}
