// Package topic is Kafka as nearfar needs it, through kafka-go: topics made with explicit limits, one
// writer that always waits for every replica, a reader that owns its positions and notices every hole,
// dead letters. All of kafka-go's settings that lose or delay data by default are set here, in one place.
//
// Delivery is at least once: a write that was not acknowledged in time may still have been done, so the
// same message can lie in the log twice. What was acknowledged is in the log.
package topic

import (
	"errors"
	"net"
	"time"
)

// Config says how to reach a Kafka cluster.
type Config struct {
	Brokers  []string      `yaml:"brokers"`   // bootstrap addresses, host:port; default: none (the embedded broker fills it in)
	ClientID string        `yaml:"client_id"` // the name brokers see in their logs; default "nearfar"
	Timeout  time.Duration `yaml:"timeout"`   // how long brokers may fail to answer before a call gives up; default 10s
	TLS      TLSConfig     `yaml:"tls"`       // encryption; default: none
	SASL     SASLConfig    `yaml:"sasl"`      // signing in; default: none
}

// Defaults is a Config without brokers.
func Defaults() Config { return Config{ClientID: "nearfar", Timeout: 10 * time.Second} }

// Check reports every problem with the path of the field.
func (c Config) Check(report func(path, format string, args ...any)) {
	for _, b := range c.Brokers {
		host, port, err := net.SplitHostPort(b)
		switch {
		case err != nil:
			report("brokers", "%q is no host:port (for instance localhost:9092)", b)
		case host == "" || port == "":
			report("brokers", "%q lacks its host or its port (for instance localhost:9092)", b)
		}
	}
	if c.Timeout <= 0 {
		report("timeout", "is %v; how long may a broker take to answer (for instance 10s)?", c.Timeout)
	}
	c.TLS.check(report)
	c.SASL.check(report)
}

// checked is the Config as it is used: complete, or an error that names every problem.
func (c Config) checked() (Config, error) {
	d := Defaults()
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	if c.ClientID == "" {
		c.ClientID = d.ClientID
	}
	if len(c.Brokers) == 0 {
		return c, errors.New("no Kafka brokers given")
	}
	var problems []error
	c.Check(func(path, format string, args ...any) {
		problems = append(problems, problem(path, format, args...))
	})
	return c, errors.Join(problems...)
}

// overhead is what Kafka's framing may add to the messages of a batch, in bytes: a batch of MaxBytes of
// keys, values and headers fits a topic that takes MaxBytes+overhead.
const overhead = 64 << 10
