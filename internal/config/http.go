package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nearfar/nearfar/streams/topic"
)

// HTTPConfig is the listener that says how a process does: /healthz, /readyz, /metrics.
type HTTPConfig struct {
	Listen string       `yaml:"listen"` // host:port of /healthz, /readyz and /metrics, without a host on loopback; default: none, off
	Token  topic.Secret `yaml:"token"`  // what requests must carry as "Authorization: Bearer …"; default: none, for loopback only
	Pprof  bool         `yaml:"pprof"`  // serve /debug/pprof too, on loopback only; default false
}

// Address is where to listen: on loopback, unless another host is named.
func (c HTTPConfig) Address() string {
	if strings.HasPrefix(c.Listen, ":") {
		return "127.0.0.1" + c.Listen
	}
	return c.Listen
}

// Loopback reports whether only this machine can reach the listener.
func (c HTTPConfig) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Address())
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Check reports every problem with its yaml path.
func (c HTTPConfig) Check(report Report) {
	for _, r := range c.Token.Reveal() {
		if r <= ' ' || r > '~' {
			report("token", "holds a space, a line break or a character beyond ASCII, which no header carries: take letters and digits")
			break
		}
	}
	if c.Listen == "" {
		if c.Pprof {
			report("pprof", "is on, but nothing listens: set http.listen (or --http 127.0.0.1:9090)")
		}
		return
	}
	_, port, err := net.SplitHostPort(c.Address())
	n, numErr := strconv.Atoi(port)
	if err != nil || numErr != nil || n < 0 || n > 65535 {
		report("listen", "%q is no host:port, write it like 127.0.0.1:9090", c.Listen)
		return
	}
	if c.Loopback() {
		return
	}
	if c.Token == "" {
		report("listen", "%q can be reached from other machines: set http.token (best as ${file:/run/secrets/token}), or listen on 127.0.0.1", c.Listen)
	}
	if c.Pprof {
		report("pprof", "shows the memory of the process, and %q can be reached from other machines: listen on 127.0.0.1, or pprof: false", c.Listen)
	}
}
