package topic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
	"github.com/segmentio/kafka-go"
)

// ReaderOptions are what differs between readers.
type ReaderOptions struct {
	MaxBytes int   // how much of a partition is fetched at a time, bytes; a larger message still comes whole. Default 1 MiB
	Only     []int // the partitions to read; nil: all
	// Order is how the first messages are to come, each partition's by offset: as an earlier reader gave them, when
	// it read what was being written. What it names and retention has taken is passed over.
	Order []frame.Ref
	// Gap is told of every hole in the offsets: got−expected messages were deleted before they were read.
	// Fetch calls it just before it returns the message after the hole. May be nil; see Lost.
	Gap func(topic string, partition int, expected, got int64)
	// Rebuilt is told, by a goroutine of the reader, of every partition that went silent for so long though its log
	// went on, and is now read anew from an offset. May be nil; see Reader.Rebuilt.
	Rebuilt func(topic string, partition int, offset int64, silent time.Duration)
}

// Reader reads the partitions of a topic from positions of its own: no consumer group decides for it.
//
// While several partitions have messages ready Fetch returns them by log time, then by partition, and it
// waits for a partition that is known to hold more. So whatever lay in the log when the reader was made
// comes out in the same order every time, and from any position on.
//
// It reconnects by itself for as long as it is open. Fetch is for one goroutine; the rest for any.
type Reader struct {
	client   *client
	topic    string
	maxBytes int // of a fetch
	gap      func(topic string, partition int, expected, got int64)
	rebuilt  func(topic string, partition int, offset int64, silent time.Duration)
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	wake     chan struct{} // a partition has a head, or an error

	mu          sync.Mutex
	parts       []*partition // by number
	order       []frame.Ref  // what is left of ReaderOptions.Order
	lost, stale int64
	rebuilds    int64
	err         error // for good
}

// pause bounds how long Fetch waits for a partition known to hold more, before it goes on without it.
const pause = 5 * time.Second

// NewReader starts reading. from gives the first offset wanted of each partition; a partition that is
// missing there is read from its first message. A position before the first message kept is a gap, one
// after the last an ErrRewound. Errors wrap ErrUnreachable or ErrNoTopic, too. ctx bounds only the start.
func NewReader(ctx context.Context, cfg Config, topic string, from map[int]int64, o ReaderOptions) (*Reader, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("reading topic %s: %w", topic, err)
	}
	bounds, err := c.bounds(ctx, topic)
	if err != nil {
		c.close()
		return nil, err
	}
	for id, offset := range from {
		b, ok := bounds[id]
		if !ok {
			c.close()
			return nil, fmt.Errorf("reading topic %s: %w: there is no partition %d (it has %d)", topic, ErrRewound, id, len(bounds))
		}
		if err := rewound(topic, id, offset, b); err != nil {
			c.close()
			return nil, err
		}
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	r := &Reader{client: c, topic: topic, maxBytes: o.MaxBytes, gap: o.Gap, rebuilt: o.Rebuilt, order: o.Order, wake: make(chan struct{}, 1)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for _, id := range slices.Sorted(maps.Keys(bounds)) {
		if o.Only != nil && !slices.Contains(o.Only, id) {
			continue
		}
		start, ok := from[id]
		if !ok {
			start = bounds[id].First
		}
		r.parts = append(r.parts, r.newPartition(id, start, bounds[id]))
	}
	for _, p := range r.parts {
		r.wg.Go(func() { r.pull(p) })
	}
	r.wg.Go(r.watch)
	return r, nil
}

func rewound(topic string, id int, offset int64, b Bound) error {
	if offset <= b.Next {
		return nil
	}
	return fmt.Errorf("reading topic %s: %w: partition %d is wanted from offset %d, but ends before %d: the topic was made anew or lost its end; start a new run",
		topic, ErrRewound, id, offset, b.Next)
}

// Fetch returns the next message. It blocks until there is one, ctx ends, or the brokers have failed to
// answer for Config.Timeout (ErrUnreachable: the reader keeps trying, and Fetch may be called again).
func (r *Reader) Fetch(ctx context.Context) (frame.Message, error) {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	for {
		if ctx.Err() != nil {
			return frame.Message{}, context.Cause(ctx)
		}
		m, p, err := r.next(time.Now())
		if err != nil {
			return frame.Message{}, err
		}
		if p != nil {
			return r.deliver(p, m), nil
		}
		timer.Reset(200 * time.Millisecond) // how finely pause and Timeout are measured
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
		case <-r.ctx.Done():
		}
	}
}

// next takes the head that is due, if one is; nil without an error means wait.
func (r *Reader) next(now time.Time) (kafka.Message, *partition, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return kafka.Message{}, nil, fmt.Errorf("reading topic %s: the reader is %w", r.topic, ErrClosed)
	}
	if r.err != nil {
		return kafka.Message{}, nil, r.err
	}
	due := r.due(now)
	if due == nil {
		return kafka.Message{}, nil, r.trouble(now)
	}
	m := *due.head
	due.head, due.emptied = nil, now
	due.taken <- struct{}{}
	return m, due, nil
}

// due is the partition whose head is the next message; nil: that has not come yet.
func (r *Reader) due(now time.Time) (due *partition) {
	if p := r.ordered(now); p != nil {
		if p.head == nil {
			return nil
		}
		return p
	}
	for _, p := range r.parts {
		switch {
		case p.head == nil:
			if p.wanted(now) {
				return nil
			}
		case due == nil || p.head.Time.Before(due.head.Time):
			due = p
		}
	}
	return due
}

// trouble is the error of a partition that has failed for longer than Config.Timeout and fails still.
func (r *Reader) trouble(now time.Time) error {
	for _, p := range r.parts {
		if t := p.trouble; t.err != nil && now.Sub(t.last) < r.memory() && t.last.Sub(t.first) >= r.client.cfg.Timeout {
			p.trouble = trouble{}
			return r.client.cfg.explain(fmt.Sprintf("reading topic %s, partition %d", r.topic, p.id), r.topic, t.last.Sub(t.first), t.err)
		}
	}
	return nil
}

// memory is how long after an error its partition counts as failing: one round of dials and back-off.
func (r *Reader) memory() time.Duration {
	return time.Duration(len(r.client.cfg.Brokers))*dialTimeout(r.client.cfg) + 3*time.Second
}

// deliver notes what Fetch returns, and tells of the hole before it.
func (r *Reader) deliver(p *partition, m kafka.Message) frame.Message {
	r.mu.Lock()
	expected := p.next
	p.next = m.Offset + 1
	r.lost += m.Offset - expected
	r.mu.Unlock()
	if m.Offset > expected && r.gap != nil {
		r.gap(r.topic, p.id, expected, m.Offset)
	}
	out := frame.Message{
		Key: m.Key, Value: m.Value, Time: m.Time.UTC(),
		Ref: frame.Ref{Topic: r.topic, Partition: p.id, Offset: m.Offset},
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, frame.Header{Key: h.Key, Value: h.Value})
	}
	return out
}

// Positions is the next offset of each partition after what Fetch has returned.
func (r *Reader) Positions() map[int]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	positions := make(map[int]int64, len(r.parts))
	for _, p := range r.parts {
		positions[p.id] = p.next
	}
	return positions
}

// Lost is how many messages were deleted before they were read, over all partitions.
func (r *Reader) Lost() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// Stale is how many messages came again from before the position and were dropped.
func (r *Reader) Stale() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stale
}

// Lag is how many messages lie in the log behind what Fetch has returned. It asks the brokers.
func (r *Reader) Lag(ctx context.Context) (int64, error) {
	bounds, err := r.client.bounds(ctx, r.topic)
	if err != nil {
		return 0, err
	}
	lag := int64(0)
	for id, next := range r.Positions() {
		lag += max(0, bounds[id].Next-max(next, bounds[id].First))
	}
	return lag, nil
}

// Close ends reading at once; a Fetch under way returns ErrClosed.
func (r *Reader) Close() error {
	r.cancel()
	r.client.close()
	for _, p := range r.parts {
		r.mu.Lock() // the watch may be about to give p another reader: it looks at ctx under the lock
		last, open := p.kafka, p.links
		r.mu.Unlock()
		open.close()
		last.Close()
	}
	r.wg.Wait()
	return nil
}
