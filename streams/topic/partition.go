package topic

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// partition is one kafka-go reader and what is known of its log. Reader.mu guards all of it but id and taken.
type partition struct {
	id    int
	kafka *kafka.Reader
	links *links        // of that reader alone
	taken chan struct{} // Fetch has taken the head

	head    *kafka.Message // read, and not yet returned by Fetch
	next    int64          // offset after what Fetch has returned
	read    int64          // offset after what has been read
	end     int64          // the log is known to reach this offset
	emptied time.Time      // when the head was last taken
	moved   time.Time      // when the last message came
	trouble trouble
	stall   stall
}

// trouble is an unbroken row of errors.
type trouble struct {
	first, last time.Time
	err         error
}

func (r *Reader) newPartition(id int, start int64, b Bound) *partition {
	now := time.Now()
	p := &partition{
		id: id, taken: make(chan struct{}, 1),
		next: start, read: max(start, b.First), end: b.Next, emptied: now, moved: now,
	}
	r.open(p, start)
	return p
}

// open gives p a reader of kafka-go that begins at an offset.
func (r *Reader) open(p *partition, offset int64) {
	dialer := *r.client.dialer
	p.links = newLinks()
	dialer.DialFunc = p.links.dial
	p.kafka = kafka.NewReader(kafka.ReaderConfig{
		Brokers: r.client.cfg.Brokers, Topic: r.topic, Partition: p.id, Dialer: &dialer,
		QueueCapacity:    8, // messages decoded ahead
		MinBytes:         1, // the broker answers as soon as there is anything
		MaxBytes:         r.maxBytes,
		MaxWait:          5 * time.Second, // how long an empty answer may take; Close does not wait for it
		ReadBatchTimeout: r.client.cfg.Timeout,
		ReadBackoffMin:   20 * time.Millisecond,
		ReadBackoffMax:   time.Second,
		ReadLagInterval:  -1,
		MaxAttempts:      1, // errors come here at once; it goes on trying all the same
	})
	// SetOffset fails only on a closed reader or one with a group.
	if err := p.kafka.SetOffset(offset); err != nil {
		panic("topic: position of a new reader")
	}
}

// wanted reports whether the log of p is known to go on, so that Fetch should wait for it. A log may end
// in entries that are no messages (transactions), so the wait is bounded.
func (p *partition) wanted(now time.Time) bool {
	if p.read >= p.end {
		return false
	}
	if now.Sub(p.emptied) > pause {
		p.end = p.read
		return false
	}
	return true
}

// pull moves messages of p from kafka-go to the head until the reader is closed.
func (r *Reader) pull(p *partition) {
	for {
		m, err := r.current(p).FetchMessage(r.ctx)
		if r.ctx.Err() != nil {
			return
		}
		if errors.Is(err, io.EOF) { // it was closed, and another one is there
			continue
		}
		if err != nil {
			r.note(p, err)
			continue
		}
		r.mu.Lock()
		now := time.Now()
		p.trouble, p.moved = trouble{}, now
		p.end = max(p.end, m.HighWaterMark)
		if m.Offset < p.read {
			r.stale++
			r.mu.Unlock()
			continue
		}
		p.head, p.read = &m, m.Offset+1
		r.mu.Unlock()
		r.signal()
		select {
		case <-p.taken:
		case <-r.ctx.Done():
			return
		}
	}
}

// current is the reader of p that is not given up.
func (r *Reader) current(p *partition) *kafka.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.kafka
}

// note keeps an error of kafka-go, which goes on trying. What no trying helps against is for good.
func (r *Reader) note(p *partition, err error) {
	r.mu.Lock()
	now := time.Now()
	if p.trouble.err == nil || now.Sub(p.trouble.last) > r.memory() {
		p.trouble.first = now
	}
	p.trouble.last, p.trouble.err = now, err
	if !transient(err) && r.err == nil {
		r.err = r.client.cfg.explain(fmt.Sprintf("reading topic %s, partition %d", r.topic, p.id), r.topic, 0, err)
	}
	r.mu.Unlock()
	r.signal()
}

// signal wakes Fetch.
func (r *Reader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
