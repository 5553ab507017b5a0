package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nearfar/nearfar/streams/frame"
)

// deadRoom is what the headers of a dead letter may add to the original message, in bytes.
const deadRoom = 8 << 10

// errorRoom is how much of an error's text travels with a dead letter, in bytes.
const errorRoom = 2 << 10

// DeadLetters keeps what could not be used: the original key, value and headers, and why.
type DeadLetters struct{ w *Writer }

// NewDeadLetters writes to topic (by custom "<frames>.dlq", see Spec.DeadLetters). maxBytes is the
// largest message of the topic the letters come from.
func NewDeadLetters(cfg Config, topic string, maxBytes int) (*DeadLetters, error) {
	w, err := NewWriter(cfg, topic, WriterOptions{MaxBytes: maxBytes + overhead + deadRoom})
	if err != nil {
		return nil, err
	}
	return &DeadLetters{w}, nil
}

// Send returns nil once the letter lies in the log. Stage and reason are short words, made for counting;
// err is told in full. Headers added: dlq.stage, dlq.reason, dlq.error, dlq.topic, dlq.partition, dlq.offset.
func (d *DeadLetters) Send(ctx context.Context, m frame.Message, stage, reason string, err error) error {
	if err == nil {
		err = errors.New(reason)
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	if len(text) > errorRoom {
		text = strings.ToValidUTF8(text[:errorRoom], "") + " …"
	}
	dead := m
	dead.Headers = append(slices.Clone(m.Headers),
		frame.Header{Key: letterStage, Value: []byte(stage)},
		frame.Header{Key: letterReason, Value: []byte(reason)},
		frame.Header{Key: letterError, Value: []byte(text)},
		frame.Header{Key: letterTopic, Value: []byte(m.Ref.Topic)},
		frame.Header{Key: letterPartition, Value: []byte(strconv.Itoa(m.Ref.Partition))},
		frame.Header{Key: letterOffset, Value: []byte(strconv.FormatInt(m.Ref.Offset, 10))},
	)
	if err := d.w.Write(ctx, dead); err != nil {
		return fmt.Errorf("putting %s among the dead letters: %w", m.Ref, err)
	}
	return nil
}

// Close ends the connections.
func (d *DeadLetters) Close() error { return d.w.Close() }
