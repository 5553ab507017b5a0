package pretext

import (
	"math"
	"strings"
	"testing"
)

func TestContextLabelsSayWhereTheSecondPatchLies(t *testing.T) {
	for _, size := range []int{32, 48, 64, 96, 128} {
		for _, gap := range []int{-1, 0} {
			c := NewContext(size, 32)
			c.Aberration = AberrationKeep
			if gap == 0 {
				c.Gap = 0
			}
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			view, r := coded(size), generator(uint64(size))
			first, second := make([]float32, 3*32*32), make([]float32, 3*32*32)
			pitch := float64(c.Patch + c.Gap)
			reach := 2*float64(c.Jitter) + 1 // coarse patches are a fraction of a pixel off
			seen := map[int32]int{}
			for range 400 {
				label := c.Paint(first, second, view.Pix, r)
				seen[label]++
				ax, ay := decode(first, size)
				bx, by := decode(second, size)
				// The label law, written out: row by row around the middle, which has no number.
				place := [8][2]float64{{-1, -1}, {0, -1}, {1, -1}, {-1, 0}, {1, 0}, {-1, 1}, {0, 1}, {1, 1}}[label]
				if !near(bx-ax, place[0]*pitch, reach) || !near(by-ay, place[1]*pitch, reach) {
					t.Fatalf("size %d, label %d: the second patch lies %+.1f,%+.1f px from the first", size, label, bx-ax, by-ay)
				}
			}
			for label := range int32(Neighbours) {
				if seen[label] < 20 {
					t.Errorf("size %d: label %d came %d times of 400", size, label, seen[label])
				}
			}
		}
	}
}

func TestContextPatchesKeepTheirGap(t *testing.T) {
	c := NewContext(64, 15)
	if c.Patch != 15 || c.Gap != 7 || c.Jitter != 1 {
		t.Errorf("64 px views have patch %d, gap %d, jitter %d", c.Patch, c.Gap, c.Jitter)
	}
	c.Aberration, c.Coarse = AberrationKeep, 0
	view, r := coded(64), generator(1)
	first, second := make([]float32, 3*15*15), make([]float32, 3*15*15)
	least, most := math.Inf(1), math.Inf(-1)
	for range 1000 {
		c.Paint(first, second, view.Pix, r)
		ax, ay := decode(first, 64)
		bx, by := decode(second, 64)
		apart := max(math.Abs(ax-bx), math.Abs(ay-by)) - 15
		least, most = min(least, apart), max(most, apart)
	}
	if !near(least, 5, 1e-3) || !near(most, 9, 1e-3) {
		t.Errorf("patches are %v to %v px apart instead of 7 ± 2", least, most)
	}
}

func TestContextFirstPatchDoesNotTellTheLabel(t *testing.T) {
	c := NewContext(64, 8)
	c.Aberration, c.Coarse = AberrationKeep, 0
	view, r := coded(64), generator(2)
	first, second := make([]float32, 3*8*8), make([]float32, 3*8*8)
	var sum, n [Neighbours]float64
	for range 4000 {
		label := c.Paint(first, second, view.Pix, r)
		x, _ := decode(first, 64)
		sum[label], n[label] = sum[label]+x, n[label]+1
	}
	for label := range sum {
		if mean := sum[label] / n[label]; !near(mean, 31.5, 0.3) {
			t.Errorf("label %d: the first patch lies at %v on average, not in the middle", label, mean)
		}
	}
}

func TestDroppingKeepsOneChannelAndItsContrastTellsNothing(t *testing.T) {
	r := generator(3)
	kept := map[int]int{}
	for n := range 300 {
		p := noise(12, uint64(n))
		was := append([]float32(nil), p.Pix...)
		dropChannels(p.Pix, r)
		var squares float64
		for _, x := range p.Pix {
			squares += float64(x) * float64(x)
		}
		if rms := math.Sqrt(squares / float64(len(p.Pix))); !near(rms, 50*4./255, 1e-5) {
			t.Fatalf("root mean square %v", rms)
		}
		keep, loudest := -1, 0.
		for c := range 3 {
			if _, std := moments(p.Pix[c:], 3); std > loudest {
				keep, loudest = c, std
			}
		}
		kept[keep]++
		wasMean, wasStd := moments(was[keep:], 3)
		_, std := moments(p.Pix[keep:], 3)
		for i := keep; i < len(was); i += 3 {
			if want := (float64(was[i]) - wasMean) * std / wasStd; !near(float64(p.Pix[i]), want, 1e-5) {
				t.Fatalf("the kept channel is not what it was: %v instead of %v", p.Pix[i], want)
			}
		}
		for c := range 3 {
			if _, s := moments(p.Pix[c:], 3); c != keep && s > 0.02*std {
				t.Fatalf("channel %d still has a deviation of %v", c, s)
			}
		}
	}
	for c := range 3 {
		if kept[c] < 60 {
			t.Errorf("channel %d was kept %d times of 300", c, kept[c])
		}
	}
	flat := make([]float32, 3*12*12)
	dropChannels(flat, r)
	if _, std := moments(flat, 1); std > 50*grain/2 {
		t.Errorf("noise of a flat patch was scaled to a deviation of %v", std)
	}
}

func TestProjectionForgetsGreenAgainstMagenta(t *testing.T) {
	p := noise(8, 5)
	was := append([]float32(nil), p.Pix...)
	project(p.Pix)
	for i := 0; i < len(was); i += 3 {
		q, w := p.Pix[i:i+3], was[i:i+3]
		if a := 2*q[1] - q[0] - q[2]; !near(float64(a), 0, 1e-5) {
			t.Fatalf("%v is left along the axis", a)
		}
		if !near(float64(q[0]-q[2]), float64(w[0]-w[2]), 1e-5) || !near(float64(q[0]+q[1]+q[2]), float64(w[0]+w[1]+w[2]), 1e-5) {
			t.Fatalf("%v became %v: more than the axis is gone", w, q)
		}
	}
}

func TestContextRefusesWhatDoesNotFit(t *testing.T) {
	for want, change := range map[string]func(*Context){
		"they need views of 68 px": func(c *Context) { c.Patch = 16; c.Gap = 9 },
		"2 px or more":             func(c *Context) { c.Patch = 1 },
		"aberration must be":       func(c *Context) { c.Aberration = "lens" },
		"coarse must be":           func(c *Context) { c.Coarse = 2 },
		"both must be":             func(c *Context) { c.Tile = 0 },
	} {
		c := NewContext(64, 32)
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, not %q", c, err, want)
		}
	}
}
