package sampler

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// problems are the paths that Check reports.
func problems(c Config) (paths []string) {
	c.Check(func(path, format string, args ...any) {
		paths = append(paths, path)
		if text := fmt.Sprintf(format, args...); text == "" {
			panic("a problem without words")
		}
	})
	return paths
}

func TestDefaultsAndMoCoV2AreSound(t *testing.T) {
	c := Defaults()
	if got := problems(c); got != nil {
		t.Errorf("defaults have problems at %v", got)
	}
	c.Augment = MoCoV2()
	if got := problems(c); got != nil {
		t.Errorf("MoCo v2 has problems at %v", got)
	}
}

func TestCheckReportsEveryProblemAtItsPath(t *testing.T) {
	nan := math.NaN()
	for want, spoil := range map[string]func(*Config){
		"near":                      func(c *Config) { c.Near = 0 },
		"far":                       func(c *Config) { c.Far = c.Near },
		"gap":                       func(c *Config) { c.Gap = 0 },
		"skew":                      func(c *Config) { c.Skew = c.Far },
		"lateness":                  func(c *Config) { c.Lateness = -time.Second },
		"idle":                      func(c *Config) { c.Idle = 0 },
		"limit":                     func(c *Config) { c.Limit = 1 },
		"views":                     func(c *Config) { c.Views = nan },
		"partners":                  func(c *Config) { c.Partners = -1 },
		"replay.policy":             func(c *Config) { c.Replay.Policy = "lifo" },
		"replay.size":               func(c *Config) { c.Replay.Size = 0 },
		"replay.short":              func(c *Config) { c.Replay.Short = nan },
		"clip.frames":               func(c *Config) { c.Clip.Frames = 1 },
		"clip.stride":               func(c *Config) { c.Clip.Stride = 0 },
		"replay.newest":             func(c *Config) { c.Replay.Newest = 1.5 },
		"batch":                     func(c *Config) { c.Batch = 0 },
		"image":                     func(c *Config) { c.Image = 7 },
		"updates_per_frame":         func(c *Config) { c.UpdatesPerFrame = nan },
		"augment.crop_scale":        func(c *Config) { c.Augment.CropScale = [2]float64{0.5, 0.2} },
		"augment.crop_ratio":        func(c *Config) { c.Augment.CropRatio = [2]float64{0, 1} },
		"augment.flip":              func(c *Config) { c.Augment.Flip = 2 },
		"augment.shift":             func(c *Config) { c.Augment.Shift = 0.6 },
		"augment.edge":              func(c *Config) { c.Augment.Edge = "zero" },
		"augment.gain":              func(c *Config) { c.Augment.Gain = -1 },
		"augment.offset":            func(c *Config) { c.Augment.Offset = 5 },
		"augment.jitter.brightness": func(c *Config) { c.Augment.Jitter.Brightness = 2 },
		"augment.jitter.contrast":   func(c *Config) { c.Augment.Jitter.Contrast = 2 },
		"augment.jitter.saturation": func(c *Config) { c.Augment.Jitter.Saturation = 2 },
		"augment.jitter.hue":        func(c *Config) { c.Augment.Jitter.Hue = 0.6 },
		"augment.jitter_p":          func(c *Config) { c.Augment.JitterP = -0.1 },
		"augment.gray":              func(c *Config) { c.Augment.Gray = nan },
		"augment.blur":              func(c *Config) { c.Augment.Blur = 7 },
		"augment.blur_sigma":        func(c *Config) { c.Augment.BlurSigma = [2]float64{0, 1} },
	} {
		c := Defaults()
		spoil(&c)
		if got := problems(c); !slices.Equal(got, []string{want}) {
			t.Errorf("spoiling %s is reported at %v", want, got)
		}
	}
}
