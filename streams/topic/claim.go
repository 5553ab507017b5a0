package topic

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

var (
	// ErrClaimed says that another trainer is at work for the same group.
	ErrClaimed = errors.New("another trainer is at work")
	// ErrFenced says that another trainer has taken the place of this one, which was silent for too long.
	ErrFenced = errors.New("another trainer has taken over")
)

// Tenants is the topic that says who trains from the topic frames: one partition, since its order is what counts.
func Tenants(frames string, replication int) Spec {
	return Spec{Name: frames + ".trainers", Partitions: 1, Replication: replication, Retention: 24 * time.Hour, MaxBytes: tenantBytes}
}

const tenantBytes = 16 << 10 // of a record

// Claimant is who wants to train.
type Claimant struct {
	Group string        // that only one may train for at a time
	Owner string        // of whose processes only one lives at a time, for another reason (a lock): it takes over from its own dead at once
	Host  string        // for those who are refused
	PID   int           // likewise
	Epoch uint64        // the last one known elsewhere, where the topic may have forgotten it
	Lease time.Duration // how long the one at work may be silent before another takes its place
	Wait  func(holder string)
}

// Claim makes the claimant the one trainer of its group, or says that there is one (ErrClaimed). Where that one
// has not left but may be dead, it looks for a sign of life for as long as the lease.
func Claim(ctx context.Context, cfg Config, topic string, c Claimant) (*Tenure, error) {
	t, err := newTenure(cfg, topic, c)
	if err != nil {
		return nil, err
	}
	if err := t.begin(ctx, c); err != nil {
		return nil, err
	}
	return t, nil
}

func newTenure(cfg Config, topic string, c Claimant) (*Tenure, error) {
	w, err := NewWriter(cfg, topic, WriterOptions{MaxBytes: tenantBytes})
	if err != nil {
		return nil, err
	}
	alive, stop := context.WithCancel(context.Background())
	return &Tenure{cfg: cfg, topic: topic, w: w, lease: c.Lease, now: time.Now, pace: func() {},
		alive: alive, stop: stop, lost: make(chan struct{}),
		me: tenant{Group: c.Group, Nonce: rand.Text(), Owner: c.Owner, Host: c.Host, PID: c.PID}}, nil
}

func (t *Tenure) begin(ctx context.Context, c Claimant) error {
	if err := t.claim(ctx, c); err != nil {
		t.stop()
		return errors.Join(fmt.Errorf("claiming %s in topic %s: %w", c.Group, t.topic, err), t.w.Close())
	}
	t.beating.Go(t.beat)
	return nil
}

func (t *Tenure) claim(ctx context.Context, c Claimant) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if t.holder.held(c.Owner) {
		if c.Wait != nil {
			c.Wait(t.holder.String())
		}
		if err := t.watch(ctx); err != nil {
			return err
		}
	}
	before := t.holder
	t.me.Epoch = max(t.holder.Epoch, c.Epoch) + 1
	t.pace()
	began := t.now()
	if err := t.write(ctx, kindClaim); err != nil {
		return err
	}
	beats := 0 // of the one before, between the last look and the claim
	err := t.each(ctx, func(r tenant) {
		if r.Kind == kindBeat && r.Nonce == before.Nonce && t.holder.Nonce == before.Nonce {
			beats++
		}
	})
	if err != nil {
		return err
	}
	if t.holder.Nonce != t.me.Nonce {
		return t.refused()
	}
	if beats > 0 && before.held(c.Owner) { // it lives after all, and may be sure of itself for another lease; then it is fenced
		if err := sleep(ctx, t.lease); err != nil {
			return err
		}
	}
	t.sure = began
	return nil
}

// watch looks for a sign of life of the holder, for a lease.
func (t *Tenure) watch(ctx context.Context) error {
	seen, from := t.holder, t.now()
	for t.now().Sub(from) < t.lease {
		if err := sleep(ctx, t.lease/20); err != nil {
			return err
		}
		if err := t.read(ctx); err != nil {
			return err
		}
		switch {
		case t.holder.left:
			return nil
		case t.holder.Nonce != seen.Nonce || t.holder.beats > seen.beats:
			return t.refused()
		}
	}
	return nil
}

func (t *Tenure) refused() error {
	return fmt.Errorf("%w for it, %s: stop that one, or give this run another name", ErrClaimed, t.holder.String())
}

// String names who holds a group.
func (h *holder) String() string {
	return fmt.Sprintf("on host %s as process %d (epoch %d)", h.Host, h.PID, h.Epoch)
}

// each reads what is new in the topic.
func (t *Tenure) each(ctx context.Context, fn func(tenant)) error {
	return Each(ctx, t.cfg, t.topic, map[int]int64{0: t.next}, 1<<20, func(m frame.Message) error {
		t.next = m.Ref.Offset + 1
		if r, ok := parseTenant(m); ok && r.Group == t.me.Group {
			fn(r)
			t.holder.take(r)
		}
		return nil
	})
}

func (t *Tenure) read(ctx context.Context) error { return t.each(ctx, func(tenant) {}) }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
