// Package synth is a camera rig that needs no cameras: a seeded 3-D scene, drawn by a small ray-caster in
// plain Go, seen by several calibrated cameras at once. Textured objects visit a stage one after another;
// each comes in, turns, moves and leaves, amid clutter and under changing light.
//
// Every picture is a pure function of (seed, camera, time), so a stream can be cut, resumed and compared
// bit for bit. The scene is made to need learning: cameras stand far apart and poses are random, so the
// pixels of one view say little about another, while colours are shared among objects, so that a mean
// colour does not name one either.
package synth

import "time"

// Config says what scene there is and who looks at it.
type Config struct {
	Cameras int           `yaml:"cameras"` // cameras of the rig, around one half of the stage; 1 to 16, default 3
	Objects int           `yaml:"objects"` // objects that visit; 12 to 16, default 12
	Width   int           `yaml:"width"`   // of a picture, px; default 128
	Height  int           `yaml:"height"`  // of a picture, px; default 128
	FPS     float64       `yaml:"fps"`     // frames per second and camera; default 10
	Visit   time.Duration `yaml:"visit"`   // how long an object holds the stage, coming and going included; default 2.5s
	Skew    time.Duration `yaml:"skew"`    // cameras' clocks are ahead by at most this, each by its own constant; default 15ms
	Noise   float64       `yaml:"noise"`   // standard deviation of sensor noise, in 8-bit levels; default 4
	Seed    uint64        `yaml:"seed"`    // of scene, visits, light and noise; default 1
}

// Defaults is three cameras, twelve objects, 128×128 pictures ten times a second.
func Defaults() Config {
	return Config{
		Cameras: 3, Objects: 12, Width: 128, Height: 128, FPS: 10,
		Visit: 2500 * time.Millisecond, Skew: 15 * time.Millisecond, Noise: 4, Seed: 1,
	}
}

// Check reports every value no scene can be made of, by its yaml path.
func (c Config) Check(report func(path, format string, args ...any)) {
	whole := func(path string, v, low, high int) {
		if v < low || v > high {
			report(path, "%d is not between %d and %d", v, low, high)
		}
	}
	whole("cameras", c.Cameras, 1, 16)
	whole("objects", c.Objects, minObjects, len(catalogue))
	whole("width", c.Width, 16, 1024)
	whole("height", c.Height, 16, 1024)
	if !(c.FPS >= 0.1 && c.FPS <= 240) {
		report("fps", "%g is not between 0.1 and 240 frames per second", c.FPS)
	}
	if c.Visit < time.Second || c.Visit > time.Hour {
		report("visit", "%s is not between 1s and 1h", c.Visit)
	}
	if c.Skew < 0 || c.Skew > time.Second {
		report("skew", "%s is not between 0s and 1s", c.Skew)
	}
	if !(c.Noise >= 0 && c.Noise <= 64) {
		report("noise", "%g is not between 0 and 64 levels", c.Noise)
	}
}
