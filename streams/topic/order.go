package topic

import "time"

// ordered is the partition whose message ReaderOptions.Order wants next, whether or not it has come; nil once the
// order is fulfilled. The lock is held.
func (r *Reader) ordered(now time.Time) *partition {
	for ; len(r.order) > 0; r.order = r.order[1:] {
		want := r.order[0]
		p := r.partition(want.Partition)
		if p == nil || p.next > want.Offset { // not ours, or it was the last to go
			continue
		}
		switch {
		case p.head == nil && p.silent(now) > stallAfter: // retention took all there was
		case p.head != nil && p.head.Offset > want.Offset: // retention took this one
		default:
			return p
		}
	}
	r.order = nil
	return nil
}

func (r *Reader) partition(id int) *partition {
	for _, p := range r.parts {
		if p.id == id {
			return p
		}
	}
	return nil
}

// silent is for how long p has had nothing to give, though its broker answers.
func (p *partition) silent(now time.Time) time.Duration {
	since := p.emptied
	if p.trouble.last.After(since) {
		since = p.trouble.last
	}
	return now.Sub(since)
}
