package broker_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/streams/broker"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg broker.Config) *broker.Broker {
	t.Helper()
	b, err := broker.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestOneBrokerADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	b := start(t, broker.Config{Dir: dir})
	if _, err := broker.Start(broker.Config{Dir: dir}); !errors.Is(err, broker.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second broker on the directory: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, broker.Config{Dir: dir})
}

func TestThePortIsKeptAndLoopbackOnly(t *testing.T) {
	dir := t.TempDir()
	b := start(t, broker.Config{Dir: dir})
	addr := b.Addr()
	if host, _, err := net.SplitHostPort(addr); err != nil || host != "127.0.0.1" {
		t.Errorf("it listens on %s", addr)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b = start(t, broker.Config{Dir: dir, SyncWrites: true}); b.Addr() != addr {
		t.Errorf("it came back at %s, was at %s", b.Addr(), addr)
	}
}

func TestATakenPortIsNamedOrPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if _, err := broker.Start(broker.Config{Dir: t.TempDir(), Port: port}); !errors.Is(err, broker.ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("a port asked for: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "port"), fmt.Appendf(nil, "%d\n", port), 0o600); err != nil {
		t.Fatal(err)
	}
	if b := start(t, broker.Config{Dir: dir}); strings.HasSuffix(b.Addr(), fmt.Sprintf(":%d", port)) {
		t.Errorf("it says it listens on %s", b.Addr())
	}
}

func TestBadConfigurationsAreTold(t *testing.T) {
	if _, err := broker.Start(broker.Config{}); err == nil {
		t.Error("a broker without a directory started")
	}
	var got []string
	broker.Config{Port: 70000}.Check(func(path, format string, args ...any) { got = append(got, path) })
	if len(got) != 1 || got[0] != "port" {
		t.Errorf("reported %v", got)
	}
	broker.Defaults().Check(func(path, format string, args ...any) { t.Errorf("the defaults: %s", path) })
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.Start(broker.Config{Dir: file}); err == nil {
		t.Error("a broker started in a file")
	}
}

func TestClientsAreToldTheAddressThatIsAdvertised(t *testing.T) {
	b := start(t, broker.Config{Dir: t.TempDir(), Advertise: "127.0.0.1:4242"})
	conn, err := kafka.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	brokers, err := conn.Brokers()
	if err != nil || len(brokers) != 1 || brokers[0].Host != "127.0.0.1" || brokers[0].Port != 4242 {
		t.Errorf("clients are told %+v, %v", brokers, err)
	}
	if _, err := broker.Start(broker.Config{Dir: t.TempDir(), Advertise: "nowhere"}); err == nil {
		t.Error("an address without a port was advertised")
	}
}
