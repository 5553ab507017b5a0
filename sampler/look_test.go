package sampler

import (
	"math"
	"testing"

	"github.com/nearfar/nearfar/internal/seed"
)

func TestLooksFillTheirRanges(t *testing.T) {
	c := MoCoV2()
	c.Shift, c.Gain, c.Offset = 0.09375, 0.3, 0.3
	const n = 20000
	type stat struct{ lo, hi, sum float64 }
	stats := map[string]*stat{}
	see := func(name string, x float64) {
		if stats[name] == nil {
			stats[name] = &stat{math.Inf(1), math.Inf(-1), 0}
		}
		s := stats[name]
		s.lo, s.hi, s.sum = min(s.lo, x), max(s.hi, x), s.sum+x
	}
	truth := map[bool]float64{true: 1}
	r := seed.New(1).Rand()
	first := map[jitter]int{}
	for range n {
		l := c.draw(r, 64)
		see("flip", truth[l.flip])
		see("gray", truth[l.gray])
		see("jitter", truth[l.jitter])
		see("blur", truth[l.sigma > 0])
		see("area", l.w*l.h)
		see("ratio", math.Log(l.w/l.h))
		see("dx", float64(l.dx))
		see("dy", float64(l.dy))
		see("gain", l.gain)
		see("offset", l.offset)
		if l.x < 0 || l.y < 0 || l.x+l.w > 1+1e-12 || l.y+l.h > 1+1e-12 {
			t.Fatalf("the cut %v,%v %v×%v leaves the picture", l.x, l.y, l.w, l.h)
		}
		if l.jitter {
			first[l.order[0]]++
			see("brightness", l.brightness)
			see("contrast", l.contrast)
			see("saturation", l.saturation)
			see("turn", l.turn/(2*math.Pi))
		}
		if l.sigma > 0 {
			see("sigma", l.sigma)
		}
	}
	for _, want := range []struct {
		name         string
		lo, hi, mean float64
	}{
		{"flip", 0, 1, 0.5}, {"gray", 0, 1, 0.2}, {"jitter", 0, 1, 0.8}, {"blur", 0, 1, 0.5},
		{"area", 0.2, 1, math.NaN()}, {"ratio", math.Log(3. / 4), math.Log(4. / 3), 0},
		{"dx", -6, 6, 0}, {"dy", -6, 6, 0}, {"gain", 0.7, 1.3, 1}, {"offset", -0.3, 0.3, 0},
		{"brightness", 0.6, 1.4, 1}, {"contrast", 0.6, 1.4, 1}, {"saturation", 0.6, 1.4, 1}, {"turn", -0.1, 0.1, 0},
		{"sigma", 0.1, 2, 1.05},
	} {
		s, width := stats[want.name], want.hi-want.lo
		if s.lo < want.lo-1e-9 || s.hi > want.hi+1e-9 || s.lo > want.lo+0.02*width || s.hi < want.hi-0.02*width {
			t.Errorf("%s runs from %v to %v instead of %v to %v", want.name, s.lo, s.hi, want.lo, want.hi)
		}
		count := float64(n)
		if want.name == "sigma" {
			count = stats["blur"].sum
		} else if want.name == "brightness" || want.name == "contrast" || want.name == "saturation" || want.name == "turn" {
			count = stats["jitter"].sum
		}
		if mean := s.sum / count; math.Abs(mean-want.mean) > 0.02*width {
			t.Errorf("%s is %v on average instead of %v", want.name, mean, want.mean)
		}
	}
	for j, k := range first {
		if math.Abs(float64(k)/stats["jitter"].sum-0.25) > 0.02 {
			t.Errorf("jitter %d comes first %d times of %v", j, k, stats["jitter"].sum)
		}
	}
}

func TestOneSettingLeavesTheNumbersOfOthersAlone(t *testing.T) {
	a, b := DefaultAugment(), DefaultAugment()
	b.Flip = 1
	for i := range uint64(50) {
		x, y := a.draw(seed.New(i).Rand(), 64), b.draw(seed.New(i).Rand(), 64)
		y.flip = x.flip
		if x != y {
			t.Fatalf("a flip changes other numbers: %+v, %+v", x, y)
		}
	}
}

func TestRowsAndUsesHaveTheirOwnNumbers(t *testing.T) {
	seen := map[uint64]bool{}
	n := 0
	for step := range uint64(20) {
		d := Draw{numbers: newNumbers(seed.New(1).At("batch").Rand(step))}
		for row := range 64 {
			for _, use := range []string{"pair", "far", "moco.query", "moco.key", "simclr.query", ""} {
				seen[d.Rand(use, row).Uint64()] = true
				n++
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d decisions share %d numbers", n, len(seen))
	}
}
