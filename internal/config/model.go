package config

import "github.com/nearfar/nearfar/model"

// ModelConfig is the network.
type ModelConfig struct {
	Encoder     string  `yaml:"encoder" jsonschema:"enum=small,enum=resnet18,enum=resnet50,enum=vit-tiny,enum=vit-tiny-8"` // small, resnet18, resnet50, vit-tiny or vit-tiny-8; default small
	Norm        string  `yaml:"norm" jsonschema:"enum=batch,enum=group"`                                                   // batch or group normalisation; default batch
	Projection  int     `yaml:"projection"`                                                                                // width of what the losses see; default 128
	Hidden      int     `yaml:"hidden"`                                                                                    // width of the projector's hidden layer; default 0, the encoder's own
	Split       bool    `yaml:"split"`                                                                                     // two halves that see lightness and colour alone, as the objective splitbrain needs; default false
	KeyMomentum float64 `yaml:"key_momentum"`                                                                              // share of the key encoder kept each step, [0, 1); default 0.99
}

// DefaultModel is the small encoder.
func DefaultModel() ModelConfig {
	return ModelConfig{Encoder: "small", Norm: "batch", Projection: 128, KeyMomentum: 0.99}
}

// Spec is the encoder; its heads follow from the objectives.
func (c *Config) Spec() model.Spec {
	return model.Spec{Encoder: c.Model.Encoder, Image: c.Sampler.Image, Norm: c.Model.Norm, Split: c.Model.Split}
}

// Check reports every problem with its yaml path.
func (c ModelConfig) Check(report Report) {
	oneOf(report, "encoder", c.Encoder, model.Encoders()...)
	oneOf(report, "norm", c.Norm, "batch", "group")
	within(report, "projection", float64(c.Projection), 2, 8192)
	if c.Hidden != 0 {
		within(report, "hidden", float64(c.Hidden), 2, 8192)
	}
	if !(c.KeyMomentum >= 0 && c.KeyMomentum < 1) {
		report("key_momentum", "%v must be at least 0 and below 1 (at 1 the key encoder would never learn)", c.KeyMomentum)
	}
}

// BankConfig is the rolling memory bank of keys.
type BankConfig struct {
	Size   int    `yaml:"size"`    // keys it holds; default 4096
	MaxAge uint64 `yaml:"max_age"` // steps after which a key is no negative any more; default 0, never
}

// DefaultBank holds 4096 keys of any age.
func DefaultBank() BankConfig { return BankConfig{Size: 4096} }

// Check reports every problem with its yaml path.
func (c BankConfig) Check(report Report) { within(report, "size", float64(c.Size), 1, 1<<22) }
