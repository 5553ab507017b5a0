package topic

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/segmentio/kafka-go"
)

// WriterOptions are what differs between writers.
type WriterOptions struct {
	MaxBytes int           // largest message: key, value and headers together; required
	Linger   time.Duration // how long a message may wait for company; default 5ms
	Once     bool          // try a write once: after an error it is not known whether the messages lie in the log, but they do at most once
}

// Writer writes to one topic. It is safe for several goroutines; the order of one goroutine's messages
// of one key is kept.
type Writer struct {
	client *client
	topic  string
	limit  int
	once   bool
	kafka  *kafka.Writer
	closed atomic.Bool
}

// batchMessages is how many messages one request carries at most.
const batchMessages = 100

// NewWriter is the only place that makes a kafka-go Writer, whose zero value acknowledges nothing and
// waits a second. Every write waits for all replicas; messages of a key go to the partition that Java and
// librdkafka (murmur2_random) choose. It dials nothing yet.
func NewWriter(cfg Config, topic string, o WriterOptions) (*Writer, error) {
	if topic == "" || o.MaxBytes <= 0 {
		return nil, fmt.Errorf("writing to topic %q: it needs a name and the size of its largest message", topic)
	}
	c, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("writing to topic %s: %w", topic, err)
	}
	if o.Linger <= 0 {
		o.Linger = 5 * time.Millisecond
	}
	c.transport.MetadataTopics = []string{topic}
	return &Writer{client: c, topic: topic, limit: o.MaxBytes, once: o.Once, kafka: &kafka.Writer{
		Addr: kafka.TCP(c.cfg.Brokers...), Topic: topic, Transport: c.transport,
		Balancer:     kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: o.Linger,
		BatchSize:    batchMessages,
		BatchBytes:   int64(o.MaxBytes + overhead/2),
		MaxAttempts:  1, // Write tries again itself, in order and for a bounded time
		ReadTimeout:  c.cfg.Timeout,
		WriteTimeout: c.cfg.Timeout,
	}}, nil
}

// Size is what a message counts against MaxBytes: the bytes of its key, value and headers.
func Size(m frame.Message) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// Write returns nil once every message lies in the log on all replicas. The log's time of a message is
// the time of writing, not Message.Time: retention and silence are measured in it, and a file from last
// year would be deleted at once. Where brokers do not answer it tries again for Config.Timeout.
//
// Errors wrap ErrTooLarge (nothing was written), ErrUnreachable or ErrNoTopic (messages may have been
// written, in order; writing all again repeats some but loses none).
func (w *Writer) Write(ctx context.Context, messages ...frame.Message) error {
	for i, m := range messages {
		if n := Size(m); n > w.limit {
			return fmt.Errorf("writing to topic %s: %w: message %d of %d, key %.40q, has %d bytes, the limit is %d: lower the picture's size or quality, or raise the size of the largest frame",
				w.topic, ErrTooLarge, i+1, len(messages), m.Key, n, w.limit)
		}
	}
	for len(messages) > 0 {
		n := w.chunk(messages)
		if err := w.write(ctx, messages[:n]); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

// chunk is how many messages one request takes: what fails is then tried again before anything later is sent.
func (w *Writer) chunk(messages []frame.Message) int {
	bytes := 0
	for i, m := range messages {
		bytes += Size(m)
		if i > 0 && (i == batchMessages || bytes > w.limit) {
			return i
		}
	}
	return len(messages)
}

func (w *Writer) write(ctx context.Context, messages []frame.Message) error {
	left := make([]kafka.Message, len(messages))
	for i, m := range messages {
		left[i] = kafka.Message{Key: m.Key, Value: m.Value, Time: time.Now(), Headers: make([]kafka.Header, len(m.Headers))}
		if len(m.Key) == 0 {
			left[i].Key = nil // no key: any partition
		}
		for j, h := range m.Headers {
			left[i].Headers[j] = kafka.Header{Key: h.Key, Value: h.Value}
		}
	}
	do := w.client.do
	if w.once {
		do = w.client.doOnce
	}
	return do(ctx, fmt.Sprintf("writing to topic %s", w.topic), w.topic, func(ctx context.Context) error {
		err := w.kafka.WriteMessages(ctx, left...)
		var each kafka.WriteErrors
		switch {
		case errors.As(err, &each) && len(each) == len(left):
			var failed []kafka.Message
			for i, e := range each {
				if e != nil {
					failed, err = append(failed, left[i]), e
				}
			}
			left = failed
		case w.closed.Load():
			return fmt.Errorf("the writer is %w", ErrClosed)
		}
		if errors.Is(err, kafka.MessageSizeTooLarge) {
			return fmt.Errorf("%w: the topic takes less than %d bytes: raise its setting max.message.bytes", ErrTooLarge, w.limit+overhead)
		}
		return err
	})
}

// Close waits for writes under way and ends the connections.
func (w *Writer) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	defer w.client.close()
	return w.kafka.Close()
}
