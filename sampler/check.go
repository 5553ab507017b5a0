package sampler

import "time"

// Bounds of what is sensible; beyond them lies a slip of the pen.
const (
	minImage, maxImage = 8, 1024
	maxBatch           = 1 << 16
	maxReplay          = 1 << 24
	maxClip            = 64
	maxStride          = time.Minute
)

// report takes a problem: the yaml path of what is wrong and what to do about it.
type report = func(path, format string, args ...any)

// Check reports every problem with its yaml path below sampler.
func (c Config) Check(report func(path, format string, args ...any)) {
	c.checkTime(report)
	share(report, "views", c.Views)
	within(report, "partners", c.Partners, 0, 1<<16)
	within(report, "limit", c.Limit, 2, maxReplay)
	within(report, "batch", c.Batch, 1, maxBatch)
	within(report, "image", c.Image, minImage, maxImage)
	if !(c.UpdatesPerFrame >= 0 && c.UpdatesPerFrame <= 1000) {
		report("updates_per_frame", "must lie between 0 and 1000, not %v", c.UpdatesPerFrame)
	}
	c.Clip.check(report)
	c.Replay.check(report)
	c.Augment.check(report)
}

func (c Config) checkTime(report report) {
	if c.Near <= 0 {
		report("near", "must be positive, not %v: no frame would have a positive", c.Near)
	}
	if c.Far <= c.Near {
		report("far", "must be longer than near (%v), not %v", c.Near, c.Far)
	}
	if c.Gap <= 0 {
		report("gap", "must be positive, not %v", c.Gap)
	}
	switch {
	case c.Skew < 0:
		report("skew", "must not be negative, not %v", c.Skew)
	case c.Skew >= c.Far:
		report("skew", "must be shorter than far (%v), not %v", c.Far, c.Skew)
	}
	if c.Lateness < 0 {
		report("lateness", "must not be negative, not %v", c.Lateness)
	}
	if c.Idle <= 0 {
		report("idle", "must be positive, not %v: a dead camera would stall the others", c.Idle)
	}
}

func (c ClipConfig) check(report report) {
	if c.Frames != 0 {
		within(report, "clip.frames", c.Frames, 2, maxClip)
	}
	if c.Stride <= 0 || c.Stride > maxStride {
		report("clip.stride", "must be positive and at most %v, not %v", maxStride, c.Stride)
	}
}

func (c ReplayConfig) check(report report) {
	switch c.Policy {
	case ReplayNone, ReplayFIFO, ReplayReservoir, ReplayTwoTier, ReplayMinRed:
	default:
		report("replay.policy", "must be none, fifo, reservoir, two_tier or minred, not %q", c.Policy)
	}
	within(report, "replay.size", c.Size, 1, maxReplay)
	share(report, "replay.newest", c.Newest)
	share(report, "replay.short", c.Short)
}

// within reports a number outside lo to hi.
func within(report report, path string, n, lo, hi int) {
	if n < lo || n > hi {
		report(path, "must lie between %d and %d, not %d", lo, hi, n)
	}
}

// share reports what is no share or probability.
func share(report report, path string, p float64) {
	span(report, path, p, 0, 1)
}

// span reports a number outside lo to hi, and NaN.
func span(report report, path string, x, lo, hi float64) {
	if !(x >= lo && x <= hi) {
		report(path, "must lie between %v and %v, not %v", lo, hi, x)
	}
}

// bounds reports an interval that does not lie within lo to hi or runs backwards.
func bounds(report report, path string, x [2]float64, lo, hi float64) {
	if !(x[0] >= lo && x[1] <= hi && x[0] <= x[1]) {
		report(path, "must be two numbers between %v and %v, the smaller first, not %v", lo, hi, x)
	}
}
