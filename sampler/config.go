package sampler

import "time"

// Config says which frames meet and how they look. Windows are durations, never counts of frames.
type Config struct {
	Near     time.Duration `yaml:"near"`     // largest gap of a temporal positive; default 600ms
	Far      time.Duration `yaml:"far"`      // smallest gap of a negative from the anchor's own rig, best longer than an object stays in view; default 5s
	Gap      time.Duration `yaml:"gap"`      // a longer hole in a camera's capture times ends its scene; default 2s
	Skew     time.Duration `yaml:"skew"`     // largest gap of two views of the same instant; default 50ms
	Lateness time.Duration `yaml:"lateness"` // how long the merge of cameras waits for a late frame; default 500ms
	Idle     time.Duration `yaml:"idle"`     // after which silence the merge no longer waits for a camera; default 2s
	Limit    int           `yaml:"limit"`    // most frames waiting for their neighbours, a bound of memory; default 4096

	Views    float64 `yaml:"views"`    // share of anchors paired with another view where one exists; default 0.5
	Partners int     `yaml:"partners"` // temporal neighbours kept per anchor, drawn uniformly, and as many views; 0: all; default 4

	Clip ClipConfig `yaml:"clip"` // which clips are kept

	Replay          ReplayConfig `yaml:"replay"`            // which anchors are kept
	Batch           int          `yaml:"batch"`             // pairs per step; default 64
	Image           int          `yaml:"image"`             // side of the square training picture, px; default 64
	UpdatesPerFrame float64      `yaml:"updates_per_frame"` // steps owed per frame admitted to the replay buffer; default 0.25

	// Lone keeps anchors without any positive. It follows from the objectives: some need none.
	Lone bool `yaml:"-"`

	Augment AugmentConfig `yaml:"augment"` // how the two views of a pair look
}

// ReplayConfig says which anchors are kept for later batches.
type ReplayConfig struct {
	Policy string  `yaml:"policy"` // none (the newest batch), fifo (the newest size), reservoir (a uniform sample of all), two_tier (a fifo, and a reservoir of what left it) or minred (those that look least alike); default reservoir
	Size   int     `yaml:"size"`   // anchors kept, policy none apart; default 2048
	Newest float64 `yaml:"newest"` // share of each batch that is the newest anchors, in order; default 0.25
	Short  float64 `yaml:"short"`  // policy two_tier: share of size that is the fifo; default 0.1
}

// The replay policies. Two tiers are those of Memory Storyboard (Yang & Ren 2025, arXiv:2501.12254), minimum
// redundancy is that of Purushwalkam et al. 2022 (arXiv:2203.12710).
const (
	ReplayNone      = "none"
	ReplayFIFO      = "fifo"
	ReplayReservoir = "reservoir"
	ReplayTwoTier   = "two_tier"
	ReplayMinRed    = "minred"
)

// ReplayPolicies are the names that ReplayConfig.Policy takes.
func ReplayPolicies() []string {
	return []string{ReplayNone, ReplayFIFO, ReplayReservoir, ReplayTwoTier, ReplayMinRed}
}

// Defaults suit cameras of 5 to 30 frames per second and pictures of 64 px.
func Defaults() Config {
	return Config{
		Near: 600 * time.Millisecond, Far: 5 * time.Second, Gap: 2 * time.Second, Skew: 50 * time.Millisecond,
		Lateness: 500 * time.Millisecond, Idle: 2 * time.Second, Limit: 4096,
		Views: 0.5, Partners: 4, Clip: ClipConfig{Stride: 200 * time.Millisecond},
		Replay: ReplayConfig{Policy: ReplayReservoir, Size: 2048, Newest: 0.25, Short: 0.1},
		Batch:  64, Image: 64, UpdatesPerFrame: 0.25,
		Augment: DefaultAugment(),
	}
}
