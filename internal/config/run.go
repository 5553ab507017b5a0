package config

import (
	"time"

	"github.com/nearfar/nearfar/model/kernel"
)

// RunConfig is the run as a whole.
type RunConfig struct {
	Name      string        `yaml:"name"`                                                // of the run; default: the date and time it began
	Seed      uint64        `yaml:"seed"`                                                // of every random decision; default 1
	Out       string        `yaml:"out"`                                                 // the run's folder; default: runs/ and its name
	Threads   int           `yaml:"threads"`                                             // of computation; default 0, all cores
	Precision string        `yaml:"precision" jsonschema:"enum=auto,enum=f32,enum=bf16"` // in which convolutions multiply while learning: f32, bf16 (of processors with AVX512_BF16), or auto: bf16 where there is one; weights, sums and embeddings are f32. Default auto
	Memory    Size          `yaml:"memory"`                                              // what a process should take at most: near it Go clears up harder, above it a warning comes; default 0, no bound
	Frames    uint64        `yaml:"frames"`                                              // stop after that many frames; default 0, never
	Steps     uint64        `yaml:"steps"`                                               // stop after that many training steps; default 0, never
	For       time.Duration `yaml:"for"`                                                 // stop after that long; default 0s, never
	Apart     bool          `yaml:"apart"`                                               // decode pictures in processes of their own, so that one that kills its decoder ends nothing; default true
	Drain     time.Duration `yaml:"drain"`                                               // how long saving may take after a signal before the process ends by force (75); default 45s, 0s for ever
}

// DefaultRun is a run without end, which a signal ends within the time that service managers give.
func DefaultRun() RunConfig {
	return RunConfig{Seed: 1, Precision: "auto", Apart: true, Drain: 45 * time.Second}
}

// Check reports every problem with its yaml path.
func (c RunConfig) Check(report Report) {
	for _, r := range c.Name {
		if r == '/' || r == '\\' || r < ' ' {
			report("name", "%q must be a plain folder name, without slashes", c.Name)
			break
		}
	}
	if c.Name == "." || c.Name == ".." {
		report("name", "%q must be a plain folder name", c.Name)
	}
	within(report, "threads", float64(c.Threads), 0, 1024)
	if _, err := kernel.ParsePrecision(c.Precision); err != nil {
		report("precision", "%v", err)
	}
	if c.Memory != 0 && c.Memory < 64<<20 {
		report("memory", "%v is less than the 64MiB that nearfar takes by itself", c.Memory)
	}
	if c.For < 0 {
		report("for", "%v must not be negative", c.For)
	}
	if c.Drain < 0 {
		report("drain", "%v must not be negative", c.Drain)
	}
}

// LogConfig is what is told on standard error.
type LogConfig struct {
	Level  string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error"` // debug, info, warn or error; default info
	Format string `yaml:"format" jsonschema:"enum=text,enum=json"`                      // text or json; default text
}

// Check reports every problem with its yaml path.
func (c LogConfig) Check(report Report) {
	oneOf(report, "level", c.Level, "debug", "info", "warn", "error")
	oneOf(report, "format", c.Format, "text", "json")
}
