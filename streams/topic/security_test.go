package topic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// roundTrip makes a topic, writes to it and reads it: admin, writer and reader sign in each by itself.
func roundTrip(t *testing.T, cfg topic.Config) {
	t.Helper()
	ctx := minute(t)
	ensure(t, cfg, topic.Spec{Name: "frames"})
	if err := writer(t, cfg, "frames").Write(ctx, frame.Message{Key: []byte("cam"), Value: []byte("picture")}); err != nil {
		t.Fatal(err)
	}
	r, err := topic.NewReader(ctx, cfg, "frames", nil, topic.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if m, err := r.Fetch(ctx); err != nil || string(m.Value) != "picture" {
		t.Errorf("got %q, %v", m.Value, err)
	}
}

func cluster(t *testing.T, options ...kfake.Opt) (*kfake.Cluster, topic.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append(options, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, at(c.ListenAddrs()[0])
}

func TestSigningIn(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			_, cfg := cluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "nearfar", "open sesame"))
			cfg.SASL = topic.SASLConfig{Mechanism: mechanism, Username: "nearfar", Password: "open sesame"}
			roundTrip(t, cfg)

			cfg.SASL.Password = "wrong secret"
			cfg.Timeout = 300 * time.Millisecond // this broker hangs up, as it might while starting
			_, err := topic.Bounds(minute(t), cfg, "frames")
			if err == nil || !strings.Contains(err.Error(), "wrong sasl.username") {
				t.Errorf("a wrong password gave %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "wrong secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// Apache Kafka answers a wrong password with an error: there is nothing to wait for.
func TestARefusedPasswordEndsTheTrying(t *testing.T) {
	c, cfg := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "nearfar", "open sesame"))
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode = 58
		return answer, nil, true
	})
	cfg.SASL = topic.SASLConfig{Mechanism: "PLAIN", Username: "nearfar", Password: "wrong secret"}
	cfg.Timeout = time.Hour
	_, err := topic.Bounds(minute(t), cfg, "frames")
	if err == nil || errors.Is(err, topic.ErrUnreachable) || !strings.Contains(err.Error(), `signing in to `+cfg.Brokers[0]+` as "nearfar"`) {
		t.Errorf("got %v", err)
	}
}

// certificate writes a self-signed certificate for 127.0.0.1 and returns its file.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestEncryption(t *testing.T) {
	pair, ca := certificate(t)
	_, cfg := cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
	cfg.TLS = topic.TLSConfig{Enabled: true, CA: ca}
	roundTrip(t, cfg)
	insecure := cfg
	insecure.TLS = topic.TLSConfig{Enabled: true, Insecure: true}
	if _, err := topic.Bounds(minute(t), insecure, "frames"); err != nil {
		t.Errorf("insecure_skip_verify gave %v", err)
	}
	stranger := cfg
	stranger.TLS = topic.TLSConfig{Enabled: true}
	if _, err := topic.Bounds(minute(t), stranger, "frames"); err == nil || errors.Is(err, topic.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority gave %v", err)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := topic.SASLConfig{Mechanism: "PLAIN", Username: "u", Password: "open sesame"}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(text), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%q", c)} {
		if strings.Contains(s, "sesame") {
			t.Errorf("printed: %s", s)
		}
	}
	if c.Password.Reveal() != "open sesame" {
		t.Error("Reveal does not")
	}
}

func TestCheckReportsEveryProblem(t *testing.T) {
	c := topic.Config{
		Brokers: []string{"localhost", ":9092", "fine:9092"},
		TLS:     topic.TLSConfig{Certificate: "c.pem"},
		SASL:    topic.SASLConfig{Mechanism: "GSSAPI"},
	}
	var got []string
	c.Check(func(path, format string, args ...any) { got = append(got, path) })
	want := []string{"brokers", "brokers", "timeout", "tls.enabled", "tls", "sasl.mechanism"}
	if !slices.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	topic.Defaults().Check(func(path, format string, args ...any) {
		t.Errorf("the defaults: %s "+format, append([]any{path}, args...)...)
	})
	if _, err := topic.Bounds(context.Background(), c, "frames"); err == nil || !strings.Contains(err.Error(), "sasl.mechanism") {
		t.Errorf("use gave %v", err)
	}
}
