package topic

import "time"

const (
	watchEvery = 10 * time.Second
	stallAfter = 30 * time.Second // several times as long as kafka-go takes to give up a silent connection by itself
)

// stall is a log that goes on ahead of where a partition stands.
type stall struct {
	read    int64     // where it stands
	since   time.Time // when that was first seen
	rebuilt int       // readers given up here
}

// watch looks after partitions that have gone quiet: kafka-go neither notices a topic that was made anew nor always
// recovers after a broker's restart.
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

// inspect compares partitions without news for `quiet` with the broker's word: a log that ends before the position
// is an error; one that has gone on for `stall` without us gets another reader.
func (r *Reader) inspect(quiet, stall time.Duration) {
	if len(r.quiet(time.Now(), quiet)) == 0 {
		return
	}
	before := r.reads() // a message may be written and read while the broker's answer is under way
	bounds, err := r.client.bounds(r.ctx, r.topic)
	if err != nil {
		return // the partitions' own errors tell Fetch
	}
	type loss struct {
		id     int
		offset int64
		silent time.Duration
	}
	var lost []loss
	now := time.Now()
	r.mu.Lock()
	for _, p := range r.parts {
		b, ok := bounds[p.id]
		if !ok || p.head != nil {
			continue
		}
		if err := rewound(r.topic, p.id, before[p.id], b); err != nil && r.err == nil {
			r.err = err
		}
		if p.stuck(b, now, stall) && r.ctx.Err() == nil {
			r.rebuild(p)
			lost = append(lost, loss{p.id, p.read, now.Sub(p.moved)})
		}
	}
	r.mu.Unlock()
	for _, l := range lost {
		if r.rebuilt != nil {
			r.rebuilt(r.topic, l.id, l.offset, l.silent)
		}
	}
	r.signal()
}

// stuck reports whether the log has been seen to go on for so long without us. What lies ahead may be no messages
// (the marks of transactions): at one place each new reader gets twice the time of the one before, up to 32 times.
func (p *partition) stuck(b Bound, now time.Time, stall time.Duration) bool {
	s := &p.stall
	switch {
	case b.Next <= max(p.read, b.First):
		s.since = time.Time{}
		return false
	case s.since.IsZero() || s.read != p.read:
		s.read, s.since, s.rebuilt = p.read, now, 0
	}
	if now.Sub(s.since) < stall<<min(s.rebuilt, 5) {
		return false
	}
	s.since = now
	s.rebuilt++
	return true
}

// rebuild gives up the reader of p with its connections and makes another, which begins behind what has been read.
// The lock is held.
func (r *Reader) rebuild(p *partition) {
	old, open := p.kafka, p.links
	r.open(p, p.read)
	r.rebuilds++
	r.wg.Go(func() {
		open.close()
		old.Close()
	})
}

// Rebuilt is how many readers were given up because nothing came from them, though the log went on.
func (r *Reader) Rebuilt() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rebuilds
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
