package sampler

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nearfar/nearfar/streams/frame"
)

// drawTakes draws frames of three cameras of two rigs, denser than drawFootage does.
func drawTakes(t *rapid.T) (fs []*frame.Frame) {
	at := time.Duration(0)
	pauses := rapid.SampledFrom([]time.Duration{30, 40, 35, 30, 0, 50, 90, 250, 3000})
	for i := range uint64(80) {
		at += pauses.Draw(t, "pause") * time.Millisecond
		c := rapid.SampledFrom([]string{"yard-a", "yard-b", "gate-c"}).Draw(t, "camera")
		f := shot(c[:4], c, i, at)
		if len(fs) > 0 && rapid.IntRange(0, 9).Draw(t, "freeze") == 9 {
			f.Pix = fs[len(fs)-1].Pix // frozen where the camera is the same
		}
		fs = append(fs, f)
	}
	return fs
}

// bruteClip finds the clip of an anchor among all frames, straight from the definition.
func bruteClip(c ClipConfig, a *frame.Frame, fs []*frame.Frame, frozen, scene map[*frame.Frame]int) []*frame.Frame {
	clip := []*frame.Frame{a}
	for k := 1; k < c.Frames; k++ {
		target := a.Captured.Add(-time.Duration(k) * c.Stride)
		var best *frame.Frame
		for _, f := range fs {
			if f.Camera != a.Camera || scene[f] != scene[a] || frozen[f] > 0 || !f.Captured.Before(clip[0].Captured) {
				continue
			}
			off := f.Captured.Sub(target).Abs()
			if 2*off <= c.Stride && (best == nil || off <= best.Captured.Sub(target).Abs()) {
				best = f // the later of two
			}
		}
		if best == nil {
			return nil
		}
		clip = slices.Insert(clip, 0, best)
	}
	return clip
}

func TestClipsKeepTheirStrideWithinAScene(t *testing.T) {
	made, short := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := keepAll()
		c.Clip.Frames = rapid.IntRange(2, 5).Draw(t, "length")
		c.Clip.Stride = rapid.SampledFrom([]time.Duration{1, 70, 100, 400}).Draw(t, "stride") * time.Millisecond
		c.Gap = rapid.SampledFrom([]time.Duration{200, 2000}).Draw(t, "gap") * time.Millisecond
		fs := drawTakes(t)
		frozen, scene, _, _ := brute(c, fs)
		s := filled(c, 1, fs)
		clips := uint64(0)
		for _, a := range s.replay.kept {
			if want := bruteClip(c.Clip, a.frame, fs, frozen, scene); !slices.Equal(a.clip, want) {
				t.Fatalf("%s has the clip %v, not %v", a.frame.Label, labels(a.clip), labels(want))
			}
			if a.clip == nil {
				short++
				continue
			}
			clips++
			for k, f := range a.clip {
				off := a.frame.Captured.Add(-time.Duration(c.Clip.Frames-1-k) * c.Clip.Stride).Sub(f.Captured).Abs()
				if 2*off > c.Clip.Stride || scene[f] != scene[a.frame] || f.Camera != a.frame.Camera {
					t.Fatalf("frame %d of the clip of %s is %s, %v off", k, a.frame.Label, f.Label, off)
				}
				if k > 0 && !a.clip[k-1].Captured.Before(f.Captured) {
					t.Fatalf("the clip %v is not in order", labels(a.clip))
				}
			}
		}
		made += int(clips)
		if n := s.Counts(); n.Clips != clips || n.Clips+n.ClipsShort != n.Admitted {
			t.Fatalf("%d clips, counted %+v", clips, n)
		}
	})
	if made < 100 || short < 100 {
		t.Errorf("%d clips and %d anchors without: the test tries one kind alone", made, short)
	}
}

func labels(fs []*frame.Frame) (names []string) {
	for _, f := range fs {
		names = append(names, f.Label)
	}
	return names
}

func TestNoClipsAreKeptUnlessAskedFor(t *testing.T) {
	s := filled(keepAll(), 1, smallFootage(50))
	if n := s.Counts(); n.Clips+n.ClipsShort != 0 {
		t.Errorf("counted %+v", n)
	}
	if s.Clips(s.drawn(0), 0, "test", nil) {
		t.Error("clips were drawn though none are kept")
	}
}

func TestClipsAreDrawnFarApartWhilePossible(t *testing.T) {
	far, near := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := keepAll()
		c.Clip = ClipConfig{Frames: 3, Stride: 100 * time.Millisecond}
		c.Far = rapid.SampledFrom([]time.Duration{700, 2000, 8000}).Draw(t, "far") * time.Millisecond
		n := rapid.IntRange(1, 20).Draw(t, "n")
		s := filled(c, 1, drawTakes(t))
		var all [][]*frame.Frame
		for _, a := range s.replay.kept {
			if a.clip != nil {
				all = append(all, a.clip)
			}
		}
		dst, again := make([]*frame.Frame, 3*n), make([]*frame.Frame, 3*n)
		if ok := s.Clips(s.drawn(4), n, "test", dst); ok != (len(all) >= 2) {
			t.Fatalf("Clips is %v with %d clips", ok, len(all))
		} else if !ok {
			return
		}
		clips := slices.Collect(slices.Chunk(dst, 3))
		same := func(a, b []*frame.Frame) bool { return slices.Equal(a, b) }
		for row, clip := range clips {
			if !slices.ContainsFunc(all, func(a []*frame.Frame) bool { return same(a, clip) }) {
				t.Fatalf("row %d is no anchor's clip: %v", row, labels(clip))
			}
			twice := slices.ContainsFunc(clips[:row], func(a []*frame.Frame) bool { return same(a, clip) })
			if twice && row < len(all) {
				t.Fatalf("row %d repeats a clip though there are %d", row, len(all))
			}
			free := func(a []*frame.Frame) bool { // far from all rows before
				return !slices.ContainsFunc(clips[:row], func(b []*frame.Frame) bool {
					gap := max(a[0].Captured.Sub(b[2].Captured), b[0].Captured.Sub(a[2].Captured))
					return same(a, b) || a[0].Rig == b[0].Rig && gap < c.Far
				})
			}
			if free(clip) {
				far++
			} else if near++; slices.ContainsFunc(all, free) {
				t.Fatalf("row %d is near a clip before it though another is not", row)
			}
		}
		if s.Clips(s.drawn(4), n, "test", again); !slices.Equal(dst, again) {
			t.Fatal("clips are no function of step and use")
		}
	})
	if far < 50 || near < 50 {
		t.Errorf("%d far clips and %d near ones: the test tries one kind alone", far, near)
	}
}

func TestClipsAreDrawnUniformly(t *testing.T) {
	c := keepAll()
	c.Clip = ClipConfig{Frames: 3, Stride: 100 * time.Millisecond}
	s := filled(c, 1, smallFootage(42)) // of which the first two have no clip
	drawn := map[string]float64{}
	dst := make([]*frame.Frame, 3)
	const steps = 8000
	for step := range uint64(steps) {
		s.Clips(s.drawn(step), 1, "test", dst)
		drawn[fmt.Sprint(labels(dst))]++
	}
	chi, expected := 0., steps/40.
	for _, k := range drawn {
		chi += (k - expected) * (k - expected) / expected
	}
	if len(drawn) != 40 || chi > 72.1 { // 39 degrees of freedom
		t.Errorf("%d clips of 40 were drawn, χ² = %.1f", len(drawn), chi)
	}
}
