package pretext

import (
	"math"
	"slices"
	"testing"
)

// The rows of pts_in_hull.npy of richzhang/colorization, 313×2 int64 in the order of a, then b: a, the first
// b, the last b; between them every ten.
var publishedRows = [][3]int{
	{-90, 50, 90}, {-80, 20, 90}, {-70, 0, 90}, {-60, -20, 90}, {-50, -30, 100}, {-40, -40, 100}, {-30, -50, 100},
	{-20, -50, 100}, {-10, -60, 100}, {0, -70, 100}, {10, -80, 90}, {20, -80, 90}, {30, -90, 90}, {40, -100, 90},
	{50, -100, 80}, {60, -110, 80}, {70, -110, 80}, {80, -110, 70}, {90, -110, 70}, {100, -90, 0},
}

func TestGamutIsThePublishedOne(t *testing.T) {
	var want []AB
	for _, row := range publishedRows {
		for b := row[1]; b <= row[2]; b += 10 {
			want = append(want, AB{float64(row[0]), float64(b)})
		}
	}
	if len(want) != 313 {
		t.Fatalf("%d published bins", len(want))
	}
	if got := mustColour(t, 5).Bins(); !slices.Equal(got, want) {
		t.Errorf("%d bins: %v", len(got), got)
	}
}

func TestEveryColourHasABinWithinItsCell(t *testing.T) {
	bins := mustColour(t, 5).Bins()
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				_, x, y := Lab(level(float64(r)), level(float64(g)), level(float64(b)))
				p := AB{10 * math.Floor(float64(x)/10), 10 * math.Floor(float64(y)/10)}
				for _, q := range []AB{p, {p.A + 10, p.B}, {p.A, p.B + 10}, {p.A + 10, p.B + 10}} {
					if !slices.Contains(bins, q) {
						t.Fatalf("RGB %d, %d, %d lies at %.1f, %.1f; %v is no bin", r, g, b, x, y, q)
					}
				}
			}
		}
	}
}
