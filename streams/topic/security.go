package topic

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// TLSConfig is librdkafka's ssl.* settings.
type TLSConfig struct {
	Enabled     bool   `yaml:"enabled"`              // speak TLS to the brokers; default false
	CA          string `yaml:"ca_location"`          // PEM file of the authorities to trust; default: the system's
	Certificate string `yaml:"certificate_location"` // PEM file of the client's certificate; default: none
	Key         string `yaml:"key_location"`         // PEM file of the client's key; default: none
	ServerName  string `yaml:"server_name"`          // name the broker's certificate must carry; default: the host dialled
	Insecure    bool   `yaml:"insecure_skip_verify"` // accept any certificate: for trials only; default false
}

func (t TLSConfig) check(report func(path, format string, args ...any)) {
	if !t.Enabled && (t.CA != "" || t.Certificate != "" || t.Key != "" || t.ServerName != "" || t.Insecure) {
		report("tls.enabled", "is false, but other fields of tls are set: set it to true or remove them")
	}
	if (t.Certificate == "") != (t.Key == "") {
		report("tls", "certificate_location and key_location belong together: give both or none")
	}
}

// config reads the files; nil without an error means no TLS.
func (t TLSConfig) config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading tls.ca_location: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading tls.ca_location: %s holds no PEM certificate", t.CA)
		}
	}
	if t.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fmt.Errorf("reading tls.certificate_location and tls.key_location: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// Secret is a text that no log, dump or error shows.
type Secret string

const masked = "********"

// String is stars, or nothing where there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

func (s Secret) GoString() string             { return fmt.Sprintf("%q", s.String()) }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s Secret) MarshalYAML() (any, error)    { return s.String(), nil }

// Reveal is the secret itself, for those who must hand it on.
func (s Secret) Reveal() string { return string(s) }

// SASLConfig is librdkafka's sasl.* settings.
type SASLConfig struct {
	Mechanism string `yaml:"mechanism"` // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; default: none, no signing in
	Username  string `yaml:"username"`  // default: none
	Password  Secret `yaml:"password"`  // default: none; never printed
}

func (s SASLConfig) check(report func(path, format string, args ...any)) {
	switch strings.ToUpper(s.Mechanism) {
	case "":
		if s.Username != "" || s.Password != "" {
			report("sasl.mechanism", "is missing, but a username or password is set: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512?")
		}
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if s.Username == "" {
			report("sasl.username", "is missing")
		}
		if s.Password == "" {
			report("sasl.password", "is missing")
		}
	default:
		report("sasl.mechanism", "%q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
	}
}

// mechanism is kafka-go's; nil without an error means no signing in.
func (s SASLConfig) mechanism() (sasl.Mechanism, error) {
	user, password := s.Username, s.Password.Reveal()
	var m sasl.Mechanism
	var err error
	switch strings.ToUpper(s.Mechanism) {
	case "":
		return nil, nil
	case "PLAIN":
		m = plain.Mechanism{Username: user, Password: password}
	case "SCRAM-SHA-256":
		m, err = scram.Mechanism(scram.SHA256, user, password)
	case "SCRAM-SHA-512":
		m, err = scram.Mechanism(scram.SHA512, user, password)
	}
	if err != nil { // the library's text may quote the password
		return nil, errors.New("preparing sasl: the username or password holds characters that SCRAM forbids")
	}
	return m, nil
}
