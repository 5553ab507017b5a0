package config

// TrainConfig is the optimiser, its schedule, and what is measured on the way.
type TrainConfig struct {
	Optimizer   string         `yaml:"optimizer" jsonschema:"enum=adam,enum=sgd"`       // adam or sgd; default adam
	LR          float64        `yaml:"lr"`                                              // learning rate after warm-up; default 0.001
	Momentum    float64        `yaml:"momentum"`                                        // of sgd, [0, 1); default 0.9
	WeightDecay float64        `yaml:"weight_decay"`                                    // pull of the weights towards 0; default 0.0001
	Warmup      uint64         `yaml:"warmup"`                                          // steps in which the learning rate rises from 0; default 0
	Schedule    string         `yaml:"schedule" jsonschema:"enum=constant,enum=cosine"` // constant or cosine (falls to 0 at run.steps); default constant
	MaxLag      int64          `yaml:"max_lag"`                                         // frames behind the feed from which on steps are forgone to catch up (counted; the run is then not reproducible); default 0, never
	Probe       ProbeConfig    `yaml:"probe"`                                           // the running kNN accuracy, where frames have labels
	Collapse    CollapseConfig `yaml:"collapse"`                                        // when embeddings that are all alike raise an alarm
}

// ProbeConfig is the running kNN accuracy of embeddings against earlier ones. Labels never reach training.
type ProbeConfig struct {
	Memory      int     `yaml:"memory"`      // labelled embeddings remembered; default 2000, 0 turns the probe off
	K           int     `yaml:"k"`           // neighbours that vote; default 20
	Temperature float64 `yaml:"temperature"` // of their weights; default 0.07
	Last        int     `yaml:"last"`        // predictions that the accuracy is over; default 500
}

// DefaultTrain is Adam at a constant rate.
func DefaultTrain() TrainConfig {
	return TrainConfig{
		Optimizer: "adam", LR: 1e-3, Momentum: 0.9, WeightDecay: 1e-4, Schedule: "constant",
		Probe: ProbeConfig{Memory: 2000, K: 20, Temperature: 0.07, Last: 500}, Collapse: DefaultCollapse(),
	}
}

// Check reports every problem with its yaml path.
func (c TrainConfig) Check(report Report) {
	oneOf(report, "optimizer", c.Optimizer, "adam", "sgd")
	oneOf(report, "schedule", c.Schedule, "constant", "cosine")
	if !(c.LR > 0 && c.LR <= 100) {
		report("lr", "%v must be above 0 (and at most 100), 0.001 suits adam", c.LR)
	}
	if !(c.Momentum >= 0 && c.Momentum < 1) {
		report("momentum", "%v must be at least 0 and below 1", c.Momentum)
	}
	within(report, "weight_decay", c.WeightDecay, 0, 1)
	if c.MaxLag < 0 {
		report("max_lag", "%d must be 0 (never forgo a step) or a number of frames", c.MaxLag)
	}
	within(report, "probe.memory", float64(c.Probe.Memory), 0, 1<<20)
	within(report, "probe.k", float64(c.Probe.K), 1, 1000)
	above(report, "probe.temperature", c.Probe.Temperature)
	within(report, "probe.last", float64(c.Probe.Last), 1, 1<<20)
	c.Collapse.Check(under("collapse", report))
}

// CheckpointConfig is what is saved, and when.
//
// A checkpoint that cannot be written (a full disk, a broken one) ends the run by default: nothing is lost by
// that, since the frames stay in Kafka and the run goes on from the newest whole checkpoint, and who runs a
// service learns of it by its end. With on_error: go_on the run trains on, warns and tries again after every
// steps; until that works embeddings are made with the last version that was saved.
type CheckpointConfig struct {
	Every   uint64 `yaml:"every"`                                      // steps between checkpoints; default 100
	Keep    int    `yaml:"keep"`                                       // newest checkpoints kept; default 3
	Best    bool   `yaml:"best"`                                       // keep the one with the best running kNN accuracy, too, where frames have labels; default true
	OnError string `yaml:"on_error" jsonschema:"enum=stop,enum=go_on"` // when one cannot be written: stop (earlier ones are intact, start the run again) or go_on (train on, warn, try again at the next); default stop
}

// DefaultCheckpoint saves every 100 steps and keeps three.
func DefaultCheckpoint() CheckpointConfig {
	return CheckpointConfig{Every: 100, Keep: 3, Best: true, OnError: "stop"}
}

// Check reports every problem with its yaml path.
func (c CheckpointConfig) Check(report Report) {
	if c.Every == 0 {
		report("every", "must be at least 1 step")
	}
	within(report, "keep", float64(c.Keep), 1, 1e6)
	oneOf(report, "on_error", c.OnError, "stop", "go_on")
}

// SinkConfig is one place where embeddings go.
type SinkConfig struct {
	Kind string `yaml:"kind" jsonschema:"enum=topic,enum=files,enum=stdout"` // topic (kafka.embeddings), files (JSON lines) or stdout
	Path string `yaml:"path"`                                                // of the file; default embeddings.jsonl in the run's folder

	Spool Size `yaml:"spool"` // how much waits on the disk while the sink of a run is away, before the run saves and ends; default 256MiB, 0 nothing. Not for stdout
}

// DefaultSink keeps some hours of embeddings.
func DefaultSink(kind string) SinkConfig { return SinkConfig{Kind: kind, Spool: 256 << 20} }

// Check reports every problem with its yaml path.
func (c SinkConfig) Check(report Report) {
	oneOf(report, "kind", c.Kind, "topic", "files", "stdout")
	if c.Spool < 0 {
		report("spool", "%d bytes must not be negative", c.Spool)
	}
	if c.Path != "" && c.Kind != "files" {
		report("path", "%q means nothing to a sink of kind %s, drop it or set kind: files", c.Path, c.Kind)
	}
}
