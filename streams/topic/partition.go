package topic

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// partition is one kafka-go reader and what is known of its log. Reader.mu guards all but the reader.
type partition struct {
	id    int
	kafka *kafka.Reader
	taken chan struct{} // Fetch has taken the head

	head    *kafka.Message // read, and not yet returned by Fetch
	next    int64          // offset after what Fetch has returned
	read    int64          // offset after what has been read
	end     int64          // the log is known to reach this offset
	emptied time.Time      // when the head was last taken
	moved   time.Time      // when the last message came
	trouble trouble
}

// trouble is an unbroken row of errors.
type trouble struct {
	first, last time.Time
	err         error
}

func (r *Reader) newPartition(id int, start int64, b Bound, maxBytes int) *partition {
	now := time.Now()
	p := &partition{
		id: id, taken: make(chan struct{}, 1),
		next: start, read: max(start, b.First), end: b.Next, emptied: now, moved: now,
		kafka: kafka.NewReader(kafka.ReaderConfig{
			Brokers: r.client.cfg.Brokers, Topic: r.topic, Partition: id, Dialer: r.client.dialer,
			QueueCapacity:    8, // messages decoded ahead
			MinBytes:         1, // the broker answers as soon as there is anything
			MaxBytes:         maxBytes,
			MaxWait:          5 * time.Second, // how long an empty answer may take; Close does not wait for it
			ReadBatchTimeout: r.client.cfg.Timeout,
			ReadBackoffMin:   20 * time.Millisecond,
			ReadBackoffMax:   time.Second,
			ReadLagInterval:  -1,
			MaxAttempts:      1, // errors come here at once; it goes on trying all the same
		}),
	}
	// SetOffset fails only on a closed reader or one with a group.
	if err := p.kafka.SetOffset(start); err != nil {
		panic("topic: position of a new reader")
	}
	return p
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
		m, err := p.kafka.FetchMessage(r.ctx)
		if r.ctx.Err() != nil || errors.Is(err, io.EOF) {
			return
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

const (
	watchEvery = 10 * time.Second
	stallAfter = time.Minute
)

// watch looks after partitions that have gone quiet: kafka-go neither notices a topic that was made anew
// nor always recovers after a broker's restart.
func (r *Reader) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.inspect(watchEvery, stallAfter)
		case <-r.ctx.Done():
			return
		}
	}
}

// inspect compares partitions without news for `quiet` with the broker's word: a log that ends before the
// position is an error, one that has gone on for `stall` without us gets its connections cut.
func (r *Reader) inspect(quiet, stall time.Duration) {
	now := time.Now()
	if len(r.quiet(now, quiet)) == 0 {
		return
	}
	before := r.reads() // a message may be written and read while the broker's answer is under way
	bounds, err := r.client.bounds(r.ctx, r.topic)
	if err != nil {
		return // the partitions' own errors tell Fetch
	}
	cut := false
	r.mu.Lock()
	for _, p := range r.parts {
		b, ok := bounds[p.id]
		if !ok || p.head != nil {
			continue
		}
		if err := rewound(r.topic, p.id, before[p.id], b); err != nil && r.err == nil {
			r.err = err
		}
		if b.Next > max(p.read, b.First) && now.Sub(p.moved) > stall {
			p.moved, cut = now, true
		}
	}
	r.mu.Unlock()
	if cut {
		r.client.links.cut()
	}
	r.signal()
}

// reads is how far each partition has been read.
func (r *Reader) reads() map[int]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	reads := make(map[int]int64, len(r.parts))
	for _, p := range r.parts {
		reads[p.id] = p.read
	}
	return reads
}

// quiet lists the partitions from which nothing has come for so long, though Fetch wants it.
func (r *Reader) quiet(now time.Time, long time.Duration) (ids []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		if p.head == nil && now.Sub(p.moved) >= long {
			ids = append(ids, p.id)
		}
	}
	return ids
}
