// Package config is nearfar's configuration: one yaml file whose sections belong to the rooms that use
// them, checked as a whole before anything starts. Every problem is reported at once, each with the place
// where it was said. A flag wins over an environment variable NEARFAR_…, that over the file, that over
// the defaults.
package config

import (
	"fmt"
	"path/filepath"
	"reflect"

	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sources"
)

// Config is everything that can be configured.
type Config struct {
	Run        RunConfig          `yaml:"run"`        // the run as a whole
	Kafka      KafkaConfig        `yaml:"kafka"`      // the broker and its topics
	Sources    []sources.Config   `yaml:"sources"`    // the cameras; default none
	Sampler    sampler.Config     `yaml:"sampler"`    // which frames meet and how they look
	Model      ModelConfig        `yaml:"model"`      // the network
	Objectives []objective.Config `yaml:"objectives"` // what the network is trained for, all at once by weight; default moco alone
	Bank       BankConfig         `yaml:"bank"`       // the rolling memory bank of keys
	Train      TrainConfig        `yaml:"train"`      // the optimiser and its schedule
	Checkpoint CheckpointConfig   `yaml:"checkpoint"` // what is saved, and when
	Sinks      []SinkConfig       `yaml:"sinks"`      // where embeddings go; default the topic and a file in the run
	HTTP       HTTPConfig         `yaml:"http"`       // the listener for /healthz, /readyz and /metrics; default off
	Log        LogConfig          `yaml:"log"`        // what is told on standard error

	references map[string]string // by path: values that were written with ${…} in them, see Recipe
}

// Defaults is the configuration of a run that says nothing: no sources, an embedded broker.
func Defaults() Config {
	return Config{
		Run: DefaultRun(), Kafka: DefaultKafka(), Sampler: sampler.Defaults(),
		Model: DefaultModel(), Objectives: []objective.Config{objective.Default()}, Bank: DefaultBank(),
		Train: DefaultTrain(), Checkpoint: DefaultCheckpoint(),
		Sinks: []SinkConfig{DefaultSink("topic"), DefaultSink("files")}, Log: LogConfig{Level: "info", Format: "text"},
	}
}

// fresh is a new element of a list, with the defaults of its kind.
func fresh(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[sources.Config]():
		return reflect.ValueOf(sources.Defaults())
	case reflect.TypeFor[SinkConfig]():
		return reflect.ValueOf(DefaultSink(""))
	}
	return reflect.Zero(t)
}

// Check reports everything that is wrong with each section, and between them.
func (c *Config) Check(report Report) {
	c.Run.Check(under("run", report))
	c.Kafka.Check(under("kafka", report))
	for i := range c.Sources {
		c.Sources[i].Check(under(fmt.Sprintf("sources[%d]", i), report))
	}
	c.Sampler.Check(under("sampler", report))
	c.Model.Check(under("model", report))
	c.checkObjectives(report)
	c.Bank.Check(under("bank", report))
	c.Train.Check(under("train", report))
	c.Checkpoint.Check(under("checkpoint", report))
	for i := range c.Sinks {
		c.Sinks[i].Check(under(fmt.Sprintf("sinks[%d]", i), report))
	}
	c.HTTP.Check(under("http", report))
	c.Log.Check(under("log", report))
	c.checkBetween(report)
}

// checkBetween reports what is right by itself and wrong together.
func (c *Config) checkBetween(report Report) {
	for i := range c.Sources {
		s := c.Sources[i].WithDefaults()
		if (s.Kind == sources.Folder || s.Loop != 1) && s.Gap <= c.Sampler.Gap {
			report(fmt.Sprintf("sources[%d].gap", i), "%v between scenes is no longer than sampler.gap (%v), so pairs would cross them: make it longer", s.Gap, c.Sampler.Gap)
		}
	}
	if least := c.Spec().MinImage(); c.Sampler.Image < least && c.Sampler.Image >= 16 { // what is smaller is told of by the sampler
		report("sampler.image", "%d px is too small for %s, which needs %d", c.Sampler.Image, c.Model.Encoder, least)
	}
	if c.Train.Schedule == "cosine" && c.Run.Steps == 0 {
		report("train.schedule", "cosine falls to 0 at run.steps, which is 0: set run.steps, or schedule: constant")
	}
}

func (c *Config) checkObjectives(report Report) {
	if len(c.Objectives) == 0 {
		report("objectives", "names none, there must be one at least: [{kind: moco}]")
	}
	for i := range c.Objectives {
		c.Objectives[i].Check(under(fmt.Sprintf("objectives[%d]", i), report))
	}
	objective.CheckAll(c.Objectives, c.Needs(), c.camerasOfRig(), report)
}

// Needs is what the objectives are built for.
func (c *Config) Needs() objective.Needs {
	return objective.Needs{Model: c.Spec(), Batch: c.Sampler.Batch, Projection: c.Model.Projection, Hidden: c.Model.Hidden,
		KeyMomentum: float32(c.Model.KeyMomentum), Bank: c.Bank.Size, MaxAge: c.Bank.MaxAge, Sampler: c.Sampler}
}

// camerasOfRig is the most cameras that any rig has, 0 where no camera is known.
func (c *Config) camerasOfRig() int {
	most, rigs := 0, map[string]int{}
	for i := range c.Sources {
		s := c.Sources[i].WithDefaults()
		if s.Kind == sources.Synth {
			rigs[s.Rig] += s.Cameras
		} else {
			rigs[s.Rig]++
		}
		most = max(most, rigs[s.Rig])
	}
	return most
}

// settle fills in what follows from other keys.
func (c *Config) settle() {
	for i := range c.Objectives {
		c.Objectives[i] = c.Objectives[i].WithDefaults()
	}
}

// NeedSources is a check of commands that capture: there must be a camera.
func NeedSources(c *Config, report Report) {
	if len(c.Sources) == 0 {
		report("sources", "names no camera, list at least one in the file or give --source clip.mp4 (or a folder, an URL, a device number, synth)")
	}
}

// NeedBrokers is a check of commands that work by themselves against a broker that runs elsewhere.
func NeedBrokers(c *Config, report Report) {
	if c.Kafka.Embedded() {
		report("kafka.brokers", "names no broker, give --brokers host:port (`nearfar broker` starts one on this machine)")
	}
}

// oneOf checks a name against those that are known.
func oneOf(report Report, path, value string, known ...string) {
	for _, k := range known {
		if value == k {
			return
		}
	}
	report(path, "%q is unknown%s", value, did(value, known))
}

// above checks that a number is larger than zero.
func above(report Report, path string, value float64) {
	if !(value > 0) {
		report(path, "%v must be above 0", value)
	}
}

// within checks that a number lies in [low, high].
func within(report Report, path string, value, low, high float64) {
	if !(value >= low && value <= high) {
		report(path, "%v must lie between %v and %v", value, low, high)
	}
}

// BrokerDir is where the embedded broker keeps its log.
func (c *Config) BrokerDir() string {
	if c.Kafka.Dir != "" {
		return c.Kafka.Dir
	}
	return filepath.Join(c.Run.Out, "broker")
}
