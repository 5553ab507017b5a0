package synth

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

func scene(t testing.TB, change func(*Config)) *Scene {
	t.Helper()
	c := Defaults()
	if change != nil {
		change(&c)
	}
	s, err := NewScene(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPictureDependsOnSeedCameraAndTimeAlone(t *testing.T) {
	a, b := scene(t, nil), scene(t, nil)
	later := 41 * time.Second // in another round
	b.Render(1, later)
	first := a.Render(1, 3*time.Second)
	a.Render(1, later)
	if again := a.Render(1, 3*time.Second); !bytes.Equal(first.Pix, again.Pix) {
		t.Error("the same moment looks different the second time")
	}
	if other := b.Render(1, 3*time.Second); !bytes.Equal(first.Pix, other.Pix) || first.Label != other.Label {
		t.Error("another scene of the same seed looks different")
	}
	for what, other := range map[string]*frame.Frame{
		"camera": a.Render(0, 3*time.Second),
		"time":   a.Render(1, 3100*time.Millisecond),
		"seed":   scene(t, func(c *Config) { c.Seed++ }).Render(1, 3*time.Second),
	} {
		if bytes.Equal(first.Pix, other.Pix) {
			t.Errorf("another %s gives the same picture", what)
		}
	}
}

func TestSceneIsSafeForConcurrentUse(t *testing.T) {
	s, alone := scene(t, nil), scene(t, nil)
	var wait sync.WaitGroup
	got := make([]*frame.Frame, 12)
	for i := range got {
		wait.Go(func() { got[i] = s.Render(i%3, time.Duration(i/3)*17*time.Second) })
	}
	wait.Wait()
	for i, f := range got {
		if want := alone.Render(i%3, time.Duration(i/3)*17*time.Second); !bytes.Equal(f.Pix, want.Pix) {
			t.Errorf("picture %d depends on what is rendered beside it", i)
		}
	}
}

func TestEveryRoundShowsEachObjectOnce(t *testing.T) {
	s := scene(t, nil)
	var orders []string
	for round := range 4 {
		seen := map[string]bool{}
		var order []string
		for i := range s.cfg.Objects {
			middle := time.Duration(round*s.cfg.Objects+i)*s.cfg.Visit + s.cfg.Visit/2
			name := s.Render(0, middle).Label
			if name == "" || seen[name] {
				t.Errorf("round %d, visit %d shows %q", round, i, name)
			}
			if other := s.Render(2, middle).Label; other != name {
				t.Errorf("camera 2 calls %q what camera 0 calls %q", other, name)
			}
			seen[name] = true
			order = append(order, name)
		}
		orders = append(orders, strings.Join(order, " "))
	}
	if orders[0] == orders[1] && orders[1] == orders[2] {
		t.Error("rounds are not shuffled")
	}
}

func TestStageIsEmptyBetweenVisits(t *testing.T) {
	s := scene(t, nil)
	for slot := range 12 {
		at := time.Duration(slot) * s.cfg.Visit
		v := s.cfg.visitor(s.seed, uint64(slot))
		guest, _ := v.place(0, s.cfg.Visit)
		for i := range s.cams {
			if f := s.Render(i, at); f.Label != "" {
				t.Errorf("visit %d begins with %q on the stage", slot, f.Label)
			}
			x0, y0, x1, y1 := s.cams[i].rect(guest.at, guest.radius)
			if x1 > x0 && y1 > y0 {
				t.Errorf("camera %d sees the guest of visit %d before it comes", i, slot)
			}
		}
	}
}

func TestLabelledObjectIsInEveryPicture(t *testing.T) {
	s := scene(t, nil)
	labelled := 0
	for i := range 500 {
		at := time.Duration(i) * 100 * time.Millisecond
		slot, into := s.cfg.slot(at)
		v := s.cfg.visitor(s.seed, slot)
		guest, away := v.place(into, s.cfg.Visit)
		if away > present {
			continue
		}
		labelled++
		for c := range s.cams {
			x, y, _ := s.cams[c].project(guest.at)
			if x < 0 || y < 0 || x > float64(s.cfg.Width) || y > float64(s.cfg.Height) {
				t.Errorf("at %s the middle of %s lies outside camera %d's picture: %.0f,%.0f", at, guest.name, c, x, y)
			}
		}
	}
	if labelled < 400 {
		t.Errorf("only %d of 500 moments have an object on the stage", labelled)
	}
}

func TestClutterNeverHidesTheStage(t *testing.T) {
	s := scene(t, nil)
	dealt := 0
	for round := range uint64(40) {
		m := furnish(s.seed.At("room").Rand(round), s.cams)
		all := append(m.clutter, wanderers(s.seed.At("wanderers"), float64(round)*3.7, s.cams)...)
		dealt += len(all)
		for _, k := range s.cams {
			line := stage.sub(k.at)
			for _, o := range all {
				if near, _, ok := o.span(k.at, line.unit()); ok && near > 0 && near < line.length() {
					t.Errorf("round %d: clutter stands between a camera and the stage", round)
				}
			}
		}
	}
	if dealt < 40*5 {
		t.Errorf("only %d pieces of clutter in 40 rounds", dealt)
	}
}

func TestRoomStaysForARoundAndChangesAfterIt(t *testing.T) {
	s := scene(t, func(c *Config) { c.Noise = 0 })
	round := time.Duration(s.cfg.Objects) * s.cfg.Visit
	s.Render(0, 0)
	first := s.backdrops[0].Load()
	s.Render(0, round-time.Millisecond)
	if s.backdrops[0].Load() != first {
		t.Error("the room changed within a round")
	}
	s.Render(0, round)
	if same := s.backdrops[0].Load(); same == first || same.cells[100] == first.cells[100] {
		t.Error("the room did not change with the round")
	}
}

func TestNoiseHasTheConfiguredSize(t *testing.T) {
	clean, noisy := scene(t, func(c *Config) { c.Noise = 0 }), scene(t, func(c *Config) { c.Noise = 6 })
	for camera := range 3 {
		a, b := clean.Render(camera, time.Second), noisy.Render(camera, time.Second)
		sum := 0.0
		for i := range a.Pix {
			d := float64(b.Pix[i]) - float64(a.Pix[i])
			sum += d * d
		}
		if std := math.Sqrt(sum / float64(len(a.Pix))); std < 6*0.55 || std > 6*1.45 {
			t.Errorf("camera %d: noise of %.1f levels, want 0.6 to 1.4 times 6", camera, std)
		}
	}
}

func TestLightChangesButPicturesStayWellExposed(t *testing.T) {
	s := scene(t, nil)
	low, high := 255.0, 0.0
	for i := range 60 {
		f := s.Render(i%3, time.Duration(i)*7*time.Second)
		sum, burnt := 0.0, 0
		for _, p := range f.Pix {
			sum += float64(p)
			if p == 0 || p == 255 {
				burnt++
			}
		}
		mean := sum / float64(len(f.Pix))
		low, high = min(low, mean), max(high, mean)
		if mean < 40 || mean > 210 || burnt > len(f.Pix)/20 {
			t.Errorf("picture %d: mean level %.0f, %d of %d values black or white", i, mean, burnt, len(f.Pix))
		}
	}
	if high-low < 20 {
		t.Errorf("mean level only varies from %.0f to %.0f", low, high)
	}
}

func TestConfigProblemsAreAllReported(t *testing.T) {
	var paths []string
	Config{Cameras: 99, Objects: 3, Width: 1, Height: 9999, FPS: math.NaN(), Visit: 1, Skew: -1, Noise: -1}.Check(func(path, _ string, _ ...any) {
		paths = append(paths, path)
	})
	if got := strings.Join(paths, " "); got != "cameras objects width height fps visit skew noise" {
		t.Errorf("reported %s", got)
	}
	Defaults().Check(func(path, format string, _ ...any) { t.Errorf("defaults: %s %s", path, format) })
}

func BenchmarkRender(b *testing.B) {
	s := scene(b, nil)
	for i := 0; b.Loop(); i++ {
		s.Render(i%3, time.Duration(i/3)*100*time.Millisecond)
	}
}
