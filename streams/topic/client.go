package topic

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// client is one set of connections to a cluster.
type client struct {
	cfg       Config
	links     *links
	transport *kafka.Transport
	dialer    *kafka.Dialer
	kafka     *kafka.Client
}

// newClient checks the configuration; it dials nothing yet.
func newClient(cfg Config) (*client, error) {
	cfg, err := cfg.checked()
	if err != nil {
		return nil, err
	}
	secure, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	mechanism, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	l := newLinks()
	wait := dialTimeout(cfg)
	c := &client{cfg: cfg, links: l}
	c.transport = &kafka.Transport{
		Dial: l.dial, DialTimeout: wait, ClientID: cfg.ClientID, TLS: secure, SASL: mechanism,
	}
	c.dialer = &kafka.Dialer{DialFunc: l.dial, Timeout: wait, ClientID: cfg.ClientID, TLS: secure, SASLMechanism: mechanism}
	c.kafka = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Timeout: cfg.Timeout, Transport: c.transport}
	return c, nil
}

// dialTimeout leaves a call time for a second try after a dial into a black hole.
func dialTimeout(cfg Config) time.Duration { return min(cfg.Timeout/2, 4*time.Second) }

// close ends every connection; the client is of no use afterwards.
func (c *client) close() {
	c.links.close()
	c.transport.CloseIdleConnections()
}

// do calls fn until it succeeds, fails for good, or the cluster has failed to answer for Config.Timeout.
func (c *client) do(ctx context.Context, doing, topic string, fn func(context.Context) error) error {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	for pause := 25 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := fn(bounded)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !transient(err) {
			return c.cfg.explain(doing, topic, 0, err)
		}
		c.transport.CloseIdleConnections() // forget what it believed of the cluster
		select {
		case <-time.After(pause):
		case <-bounded.Done():
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if bounded.Err() != nil {
			return c.cfg.explain(doing, topic, time.Since(began), err)
		}
	}
}

// doOnce calls fn once, for at most Config.Timeout.
func (c *client) doOnce(ctx context.Context, doing, topic string, fn func(context.Context) error) error {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	err := fn(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !transient(err):
		return c.cfg.explain(doing, topic, 0, err)
	}
	return c.cfg.explain(doing, topic, time.Since(began), err)
}

// links knows every open connection, so that closing does not wait for a broker's answer: kafka-go looks
// at its context only between two reads of a connection.
type links struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

func newLinks() *links { return &links{open: map[net.Conn]struct{}{}} }

func (l *links) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: 10 * time.Second}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	link := &link{conn, l}
	l.open[link] = struct{}{}
	return link, nil
}

// close ends the open connections and refuses new ones.
func (l *links) close() {
	l.mu.Lock()
	l.closed = true
	open := l.open
	l.open = map[net.Conn]struct{}{}
	l.mu.Unlock()
	for conn := range open {
		conn.(*link).Conn.Close()
	}
}

// link is a connection that leaves the set when it is closed.
type link struct {
	net.Conn
	set *links
}

func (k *link) Close() error {
	k.set.mu.Lock()
	delete(k.set.open, k)
	k.set.mu.Unlock()
	return k.Conn.Close()
}
