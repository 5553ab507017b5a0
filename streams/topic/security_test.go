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

// authority signs certificates for one test.
type authority struct {
	file string // its own certificate, PEM
	pair tls.Certificate
	root *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.file, _ = a.sign(t, template)
	return a
}

// sign makes a certificate, the authority's own if it has none yet, and returns the files of it and of its key.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(time.Hour)
	parent, by := template, any(private)
	if a.root != nil {
		parent, by = a.root, a.pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &private.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if a.root == nil {
		a.pair = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
		if a.root, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}

// server is TLS as a broker at 127.0.0.1 speaks it.
func (a *authority) server(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "broker"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

// client is a client's certificate and key.
func (a *authority) client(t *testing.T) (certificate, key string) {
	return a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "nearfar"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

func TestEncryption(t *testing.T) {
	a := newAuthority(t)
	_, cfg := cluster(t, kfake.TLS(a.server(t)))
	cfg.TLS = topic.TLSConfig{Enabled: true, CA: a.file}
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

// mutual shows that brokers which want a certificate let in who has one, and nobody else. cfg trusts them.
func mutual(t *testing.T, cfg topic.Config, certificate, key string) {
	t.Helper()
	nobody := cfg
	cfg.TLS.Certificate, cfg.TLS.Key = certificate, key
	roundTrip(t, cfg)
	other := nobody
	other.TLS.Certificate, other.TLS.Key = newAuthority(t).client(t)
	for who, c := range map[string]topic.Config{"nobody": nobody, "a client of another authority": other} {
		c.Timeout = time.Hour // there is nothing to wait for
		if _, err := topic.Bounds(minute(t), c, "frames"); err == nil || errors.Is(err, topic.ErrUnreachable) || !strings.Contains(err.Error(), "tls.certificate_location") {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestCertificatesOfBothSides(t *testing.T) {
	a := newAuthority(t)
	server := a.server(t)
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	server.ClientCAs.AddCert(a.root)
	_, cfg := cluster(t, kfake.TLS(server))
	cfg.TLS = topic.TLSConfig{Enabled: true, CA: a.file}
	certificate, key := a.client(t)
	mutual(t, cfg, certificate, key)
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
