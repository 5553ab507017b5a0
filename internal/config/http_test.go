package config

import (
	"strings"
	"testing"
)

func TestListenerIsForThisMachineUnlessToldOtherwise(t *testing.T) {
	for listen, want := range map[string]struct {
		address  string
		loopback bool
	}{
		":9090":            {"127.0.0.1:9090", true},
		"127.0.0.1:0":      {"127.0.0.1:0", true},
		"127.3.2.1:80":     {"127.3.2.1:80", true},
		"localhost:9090":   {"localhost:9090", true},
		"[::1]:9090":       {"[::1]:9090", true},
		"0.0.0.0:9090":     {"0.0.0.0:9090", false},
		"[::]:9090":        {"[::]:9090", false},
		"10.0.0.7:9090":    {"10.0.0.7:9090", false},
		"example.com:9090": {"example.com:9090", false},
	} {
		c := HTTPConfig{Listen: listen}
		if c.Address() != want.address || c.Loopback() != want.loopback {
			t.Errorf("%s: address %s, loopback %v", listen, c.Address(), c.Loopback())
		}
	}
}

func TestOpenListenerNeedsAToken(t *testing.T) {
	for text, want := range map[string]string{
		"http: {listen: ':9090', pprof: true}":                        "",
		"http: {listen: '0.0.0.0:9090', token: 0123456789abcdef}":     "",
		"http: {listen: '0.0.0.0:9090'}":                              "c.yaml:1:16: http.listen: \"0.0.0.0:9090\" can be reached from other machines",
		"http: {listen: '0.0.0.0:9090', token: abcdef, pprof: true}":  "http.pprof: shows the memory of the process",
		"http: {listen: '9090'}":                                      "http.listen: \"9090\" is no host:port",
		"http: {listen: '127.0.0.1:http'}":                            "http.listen: \"127.0.0.1:http\" is no host:port",
		"http: {listen: '127.0.0.1:70000'}":                           "is no host:port",
		"http: {pprof: true}":                                         "http.pprof: is on, but nothing listens",
		"http: {listen: ':9090', token: \"two words of the secret\"}": "http.token: holds a space",
	} {
		_, err := Load(write(t, text+"\n"), Options{})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, not %q", text, err, want)
		case err != nil && strings.Contains(err.Error(), "two words"):
			t.Errorf("the token is told: %v", err)
		}
	}
}

func TestTheTokenIsMaskedWherePrinted(t *testing.T) {
	c := load(t, "http: {listen: '0.0.0.0:9090', token: '${TOKEN}'}\n", Options{Environ: []string{"TOKEN=hunter2hunter2"}})
	if c.HTTP.Token.Reveal() != "hunter2hunter2" {
		t.Errorf("token %q", c.HTTP.Token.Reveal())
	}
	if out := string(Print(c)); strings.Contains(out, "hunter2") || !strings.Contains(out, `token: "***"`) {
		t.Errorf("printed as\n%s", out)
	}
}
