// Package proxytest puts a bad network between two parts of a test: toxiproxy, in this process.
package proxytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

// Proxy passes connections on, and mistreats them when told to.
type Proxy struct {
	t *testing.T
	p *toxiproxy.Proxy
}

// Start listens on a free port of loopback until the test ends. Nobody need listen at upstream yet.
func Start(t *testing.T, upstream string) *Proxy {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // some of its toxics write to the global logger
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Toxics.ResetToxics(context.Background())
		p.Stop()
	})
	return &Proxy{t: t, p: p}
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.p.Listen }

// Fault is something that happens to a network.
type Fault struct {
	Name  string
	begin func(*Proxy)
	end   func(*Proxy)
}

// toxic is a fault of toxiproxy, in both directions.
func toxic(name, kind string, attributes map[string]any) Fault {
	return Fault{Name: name, begin: func(p *Proxy) {
		for _, stream := range []string{"upstream", "downstream"} {
			text, err := json.Marshal(map[string]any{"name": kind + "-" + stream, "type": kind, "stream": stream, "attributes": attributes})
			if err == nil {
				_, err = p.p.Toxics.AddToxicJson(bytes.NewReader(text))
			}
			if err != nil {
				p.t.Fatalf("beginning %s: %v", name, err)
			}
		}
	}, end: func(p *Proxy) { p.p.Toxics.ResetToxics(context.Background()) }}
}

// Latency delays everything by d, give or take jitter.
func Latency(d, jitter time.Duration) Fault {
	return toxic(fmt.Sprintf("latency of %v", d), "latency", map[string]any{"latency": d.Milliseconds(), "jitter": jitter.Milliseconds()})
}

// Blackhole lets connections stand and nothing through: what is sent meanwhile is lost.
func Blackhole() Fault { return toxic("black hole", "timeout", map[string]any{"timeout": 0}) }

// Reset resets every connection after d, and new ones, too.
func Reset(d time.Duration) Fault {
	return toxic("resets", "reset_peer", map[string]any{"timeout": d.Milliseconds()})
}

// SlowClose delays the end of connections by d.
func SlowClose(d time.Duration) Fault {
	return toxic(fmt.Sprintf("close delayed by %v", d), "slow_close", map[string]any{"delay": d.Milliseconds()})
}

// Narrow lets through so many kilobytes a second.
func Narrow(kilobytes int) Fault {
	return toxic(fmt.Sprintf("%d kB/s", kilobytes), "bandwidth", map[string]any{"rate": kilobytes})
}

// Cut ends every connection and refuses new ones.
func Cut() Fault {
	return Fault{Name: "cut", begin: func(p *Proxy) { p.p.Stop() }, end: func(p *Proxy) {
		if err := p.p.Start(); err != nil {
			p.t.Fatalf("mending a cut: %v", err)
		}
	}}
}

// Begin lets a fault begin; the returned function ends it.
func (p *Proxy) Begin(f Fault) (end func()) {
	f.begin(p)
	return func() { f.end(p) }
}

// Leaks is what goleak is to pass over: toxiproxy leaves goroutines behind on connections that a fault has ended.
func Leaks() []goleak.Option {
	const room = "github.com/Shopify/toxiproxy/v2"
	return []goleak.Option{
		goleak.IgnoreAnyFunction(room + "/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction(room + ".(*ToxicLink).read"),
		goleak.IgnoreAnyFunction(room + ".(*ToxicLink).write"),
	}
}
