// Package broker is the embedded Kafka broker: franz-go's kfake as a single node on the loopback
// interface, with its log on disk. It is for laptops, tests and trials; a cluster has replicas.
//
// What it has acknowledged survives the end of the process, however that ends. It survives a power cut
// only with SyncWrites.
package broker

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Config says where the broker lives.
type Config struct {
	Dir        string       `yaml:"dir"`         // folder of its log; required, created if missing
	Port       int          `yaml:"port"`        // TCP port on 127.0.0.1; default 0: a free one, kept in Dir for the next start
	SyncWrites bool         `yaml:"sync_writes"` // fsync before each acknowledgement; default false
	Log        *slog.Logger `yaml:"-"`           // default slog's own
	Advertise  string       `yaml:"advertise"`   // host:port that clients are told to connect to, where a proxy or a port mapping stands before the broker; default: where it listens
}

// Defaults is a Config without a folder.
func Defaults() Config { return Config{} }

// Check reports every problem with the path of the field.
func (c Config) Check(report func(path, format string, args ...any)) {
	if c.Port < 0 || c.Port > 65535 {
		report("port", "%d is no TCP port: 1 to 65535, or 0 for a free one", c.Port)
	}
	if _, err := net.ResolveTCPAddr("tcp", c.Advertise); c.Advertise != "" && err != nil {
		report("advertise", "%q is no host:port: %v", c.Advertise, err)
	}
}

// ErrInUse says that another process has the folder or the port.
var ErrInUse = errors.New("in use")

const (
	retentionEvery  = 5 * time.Second // kfake by itself looks every hour, and the disk fills
	compactionEvery = 60              // in units of retentionEvery
)

// Broker is a running broker.
type Broker struct {
	lock    *flock.Flock
	cluster *kfake.Cluster
	addr    string
	stop    chan struct{}
	done    sync.WaitGroup
	once    sync.Once
	err     error
}

// Start opens the log in Dir, or begins one, and listens. Dir is locked: a second broker on it, in this
// process or another, fails with ErrInUse.
func Start(cfg Config) (*Broker, error) {
	if cfg.Dir == "" {
		return nil, errors.New("starting the embedded broker: it needs a folder for its log")
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("starting the embedded broker: %w", err)
	}
	lock := flock.New(filepath.Join(cfg.Dir, "lock"))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("starting the embedded broker: locking %s: %w", cfg.Dir, err)
	case !got:
		return nil, fmt.Errorf("starting the embedded broker: %w: another nearfar uses the directory %s: stop it, or choose another directory", ErrInUse, cfg.Dir)
	}
	cluster, addr, err := open(cfg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the embedded broker in %s: %w", cfg.Dir, err), lock.Unlock())
	}
	b := &Broker{lock: lock, cluster: cluster, addr: addr, stop: make(chan struct{})}
	if err := remember(cfg.Dir, b.addr); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the embedded broker: %w", err), b.Close())
	}
	b.done.Go(b.housekeep)
	ghosts := watchGhosts(cluster, addr, cmp.Or(cfg.Log, slog.Default()))
	b.done.Go(func() { ghosts.run(b.stop) })
	return b, nil
}

// open starts kfake on the port asked for, or on one that is free, and says where it listens.
func open(cfg Config) (*kfake.Cluster, string, error) {
	listener, err := listen(cfg)
	if err != nil {
		return nil, "", err
	}
	addr := listener.Addr().String()
	options := []kfake.Opt{
		kfake.DataDir(filepath.Join(cfg.Dir, "log")),
		kfake.Ports(listener.Addr().(*net.TCPAddr).Port),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return advertise(listener, cfg.Advertise) }),
		kfake.ClusterID("nearfar"),
		kfake.DefaultNumPartitions(1),
	}
	if cfg.SyncWrites {
		options = append(options, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		listener.Close()
	}
	return cluster, addr, err
}

// elsewhere is a listener that says it listens at another address: kfake tells clients what it says.
type elsewhere struct {
	net.Listener
	addr net.Addr
}

func (e elsewhere) Addr() net.Addr { return e.addr }

func advertise(l net.Listener, address string) (net.Listener, error) {
	if address == "" {
		return l, nil
	}
	addr, err := net.ResolveTCPAddr("tcp", address)
	return elsewhere{l, addr}, err
}

// Addr is host:port to give to clients.
func (b *Broker) Addr() string { return b.addr }

// Close ends the connections, writes everything to disk and gives the folder free.
func (b *Broker) Close() error {
	b.once.Do(func() {
		close(b.stop)
		b.done.Wait()
		b.cluster.Close()
		b.err = b.lock.Unlock()
	})
	return b.err
}

// housekeep enforces retention and compaction.
func (b *Broker) housekeep() {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			b.cluster.ApplyRetention()
			if n%compactionEvery == 0 {
				b.cluster.Compact()
			}
		case <-b.stop:
			return
		}
	}
}

// remember keeps the port for the next start.
func remember(dir, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "port"), []byte(port+"\n"), 0o644)
}

// remembered is the port of the last start, 0 where there was none.
func remembered(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "port"))
	if err != nil {
		return 0
	}
	var port int
	if _, err := fmt.Sscanf(string(text), "%d", &port); err != nil || port < 1 || port > 65535 {
		return 0
	}
	return port
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
