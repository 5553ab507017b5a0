package topic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

var (
	// ErrUnreachable says that no broker answered in time; the message names the addresses.
	ErrUnreachable = errors.New("no Kafka broker can be reached")
	// ErrNoTopic says that the topic does not exist.
	ErrNoTopic = errors.New("no such topic")
	// ErrTooLarge says that a message is above the limit; nothing of the call was written.
	ErrTooLarge = errors.New("message too large")
	// ErrRewound says that a topic ends before the position asked for: it was made anew, or lost its end.
	ErrRewound = errors.New("topic ends before the position")
	// ErrClosed says that the reader or writer was closed.
	ErrClosed = errors.New("closed")
)

func problem(path, format string, args ...any) error {
	return fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
}

// transient reports whether trying again may help: the broker is starting, moving or not there yet.
func transient(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &verify) || errors.As(err, &record) {
		return false
	}
	if refusedTLS(err) {
		return false
	}
	var code kafka.Error
	if errors.As(err, &code) {
		switch code {
		case kafka.BrokerNotAvailable, // kafka-go's word for "not connected yet"
			kafka.Unknown: // and for what was asked over a connection that broke
			return true
		}
		return code.Temporary()
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// refusedTLS reports whether a broker ended the handshake: it wants a certificate, or none that it was shown.
func refusedTLS(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" // crypto/tls's word for an alert of the other side
}

// explain is the error of a call that was given up: what was being done, to whom, and what to do.
func (c Config) explain(doing, topic string, after time.Duration, err error) error {
	where := strings.Join(c.Brokers, ", ")
	switch {
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fmt.Errorf("%s: %w %q on %s: create it (nearfar does so when it starts) or correct its name", doing, ErrNoTopic, topic, where)
	case errors.Is(err, kafka.SASLAuthenticationFailed), strings.Contains(err.Error(), "SASL"):
		return fmt.Errorf("%s: signing in to %s as %q with sasl.mechanism %q: %w", doing, where, c.SASL.Username, c.SASL.Mechanism, err)
	case refusedTLS(err):
		return fmt.Errorf("%s: %s refused the TLS of this client (%w): give it a certificate that the brokers trust in tls.certificate_location and tls.key_location", doing, where, err)
	case transient(err):
		return fmt.Errorf("%s: %w: no answer from %s within %v (%w): %s",
			doing, ErrUnreachable, where, after.Round(time.Millisecond), err, c.advice(err))
	}
	return fmt.Errorf("%s on %s: %w", doing, where, err)
}

// advice is what to look at after a transient error that did not pass.
func (c Config) advice(err error) string {
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
	switch {
	case hungUp && c.SASL.Mechanism != "":
		return fmt.Sprintf("it hung up, as some brokers do on a wrong sasl.username (%q), sasl.password or sasl.mechanism (%s)", c.SASL.Username, c.SASL.Mechanism)
	case hungUp:
		return "it hung up: does it expect tls or sasl?"
	}
	return "start the broker, or correct brokers"
}
