package sampler

// AugmentConfig says how a view may differ from its frame. Every view draws its own numbers.
type AugmentConfig struct {
	CropScale [2]float64 `yaml:"crop_scale,flow"` // share of the picture's area that is cut out and enlarged; default [1, 1]: all of it
	CropRatio [2]float64 `yaml:"crop_ratio,flow"` // width by height of the cut, relative to the picture's; default [1, 1]
	Flip      float64    `yaml:"flip"`            // probability of left for right; default 0

	Shift float64 `yaml:"shift"` // largest shift along either axis, as a share of the side; default 0.09375 (6 px of 64)
	Edge  string  `yaml:"edge"`  // what a shift fills in: wrap (the other side) or reflect; default wrap

	Gain   float64 `yaml:"gain"`   // contrast about mid-grey is multiplied by 1 ± gain; default 0.3
	Offset float64 `yaml:"offset"` // brightness is moved by ± offset, in units of the normalised picture (a quarter of the range); default 0.3

	Jitter  JitterConfig `yaml:"jitter"`   // colour jitter in random order, as of SimCLR; default none
	JitterP float64      `yaml:"jitter_p"` // probability of colour jitter; default 0
	Gray    float64      `yaml:"gray"`     // probability of grayscale; default 0

	Blur      float64    `yaml:"blur"`            // probability of Gaussian blur; default 0
	BlurSigma [2]float64 `yaml:"blur_sigma,flow"` // its σ in px of the view; default [0.1, 2]
}

// JitterConfig is how far colour jitter goes. Nothing is clipped.
type JitterConfig struct {
	Brightness float64 `yaml:"brightness"` // multiplied by 1 ± brightness; default 0
	Contrast   float64 `yaml:"contrast"`   // about the mean grey multiplied by 1 ± contrast; default 0
	Saturation float64 `yaml:"saturation"` // about each pixel's grey multiplied by 1 ± saturation; default 0
	Hue        float64 `yaml:"hue"`        // turned by ± hue, in turns of the colour circle; default 0
}

// The edges of a shift.
const (
	EdgeWrap    = "wrap"
	EdgeReflect = "reflect"
)

// DefaultAugment is gentle: time itself is the strong augmentation.
func DefaultAugment() AugmentConfig {
	return AugmentConfig{
		CropScale: [2]float64{1, 1}, CropRatio: [2]float64{1, 1},
		Shift: 0.09375, Edge: EdgeWrap, Gain: 0.3, Offset: 0.3,
		BlurSigma: [2]float64{0.1, 2},
	}
}

// MoCoV2 is the augmentation of Chen et al. 2020 (arXiv:2003.04297), that of SimCLR with weaker colours.
func MoCoV2() AugmentConfig {
	return AugmentConfig{
		CropScale: [2]float64{0.2, 1}, CropRatio: [2]float64{3. / 4, 4. / 3}, Flip: 0.5, Edge: EdgeWrap,
		Jitter: JitterConfig{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1}, JitterP: 0.8,
		Gray: 0.2, Blur: 0.5, BlurSigma: [2]float64{0.1, 2},
	}
}

func (c AugmentConfig) check(report report) {
	bounds(report, "augment.crop_scale", c.CropScale, 0.01, 1)
	bounds(report, "augment.crop_ratio", c.CropRatio, 0.1, 10)
	share(report, "augment.flip", c.Flip)
	span(report, "augment.shift", c.Shift, 0, 0.5)
	if c.Edge != EdgeWrap && c.Edge != EdgeReflect {
		report("augment.edge", "must be wrap or reflect, not %q", c.Edge)
	}
	share(report, "augment.gain", c.Gain)
	span(report, "augment.offset", c.Offset, 0, 4)
	span(report, "augment.jitter.brightness", c.Jitter.Brightness, 0, 1)
	span(report, "augment.jitter.contrast", c.Jitter.Contrast, 0, 1)
	span(report, "augment.jitter.saturation", c.Jitter.Saturation, 0, 1)
	span(report, "augment.jitter.hue", c.Jitter.Hue, 0, 0.5)
	share(report, "augment.jitter_p", c.JitterP)
	share(report, "augment.gray", c.Gray)
	share(report, "augment.blur", c.Blur)
	bounds(report, "augment.blur_sigma", c.BlurSigma, 0.01, maxSigma)
}
