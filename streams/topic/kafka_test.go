package topic_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
	"github.com/nearfar/nearfar/streams/topic/topictest"
)

func TestConformanceOnKafka(t *testing.T) {
	brokers := os.Getenv("KAFKA_BROKERS")
	if brokers == "" {
		t.Skip("SKIPPED: KAFKA_BROKERS names no cluster (host:port, comma-separated)")
	}
	topictest.Run(t, topic.Config{Brokers: strings.Split(brokers, ","), Timeout: 20 * time.Second})
}

// secured is the listener of Apache Kafka that a variable of deploy/kafka.sh names, and the folder with certificates.
func secured(t *testing.T, variable string) (topic.Config, string) {
	t.Helper()
	address, folder := os.Getenv(variable), os.Getenv("KAFKA_CERTIFICATES")
	if address == "" || folder == "" {
		t.Skipf("SKIPPED: %s names no listener (deploy/kafka.sh starts a broker that has one)", variable)
	}
	cfg := topic.Config{Brokers: []string{address}, Timeout: 20 * time.Second}
	cfg.TLS = topic.TLSConfig{Enabled: true, CA: filepath.Join(folder, "ca.pem")}
	return cfg, folder
}

func TestCertificatesOfBothSidesOnKafka(t *testing.T) {
	cfg, folder := secured(t, "KAFKA_TLS")
	mutual(t, cfg, filepath.Join(folder, "client.pem"), filepath.Join(folder, "client-key.pem"))
}

func TestSigningInOnKafka(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cfg, _ := secured(t, "KAFKA_SASL")
			cfg.SASL = topic.SASLConfig{Mechanism: mechanism, Username: "nearfar", Password: topic.Secret(os.Getenv("KAFKA_PASSWORD"))}
			roundTrip(t, cfg)
			cfg.SASL.Password = "wrong secret"
			if _, err := topic.Bounds(minute(t), cfg, "frames"); err == nil || errors.Is(err, topic.ErrUnreachable) ||
				!strings.Contains(err.Error(), `signing in to `+cfg.Brokers[0]+` as "nearfar"`) || strings.Contains(err.Error(), "wrong secret") {
				t.Errorf("a wrong password gave %v", err)
			}
		})
	}
}
