package topic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Tenure is being the one trainer of a group. It is certain for a lease from the beginning of each beat that got
// into the log while nobody else had claimed the group; whoever wants to take over waits for longer than that. So
// clocks need not agree, only run alike.
//
// Kafka does not compare epochs when something is written: a process that stands still between Check and what it
// writes then, for longer than the lease, still writes that once.
type Tenure struct {
	cfg   Config
	topic string
	w     *Writer
	me    tenant
	lease time.Duration
	now   func() time.Time
	pace  func() // before the claim is written; tests let things happen there

	alive   context.Context // of the beating
	stop    context.CancelFunc
	beating sync.WaitGroup
	lost    chan struct{} // closed when another has taken over

	mu     sync.Mutex
	holder holder
	next   int64     // offset to read
	sure   time.Time // beginning of the last beat that counted
	fenced error
	closed bool
}

// Epoch is which of the group's trainers this is, from 1: later ones are higher.
func (t *Tenure) Epoch() uint64 { return t.me.Epoch }

// Lost is closed when another trainer has taken over.
func (t *Tenure) Lost() <-chan struct{} { return t.lost }

// Check returns nil while this is certainly the one trainer. After a silence it asks the log: the error is
// ErrFenced where another has taken over, and otherwise why it could not be found out.
func (t *Tenure) Check(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fenced != nil || t.certain() {
		return t.fenced
	}
	return t.renew(ctx)
}

// certain looks at both clocks of the machine: one stands still while it sleeps, somebody may set the other.
func (t *Tenure) certain() bool {
	now := t.now()
	return now.Sub(t.sure) < t.lease && now.Round(0).Sub(t.sure.Round(0)) < t.lease
}

// renew beats, and looks whether that counted. The lock is held.
func (t *Tenure) renew(ctx context.Context) error {
	if t.fenced != nil {
		return t.fenced
	}
	began := t.now()
	err := t.write(ctx, kindBeat)
	if err == nil {
		err = t.read(ctx)
	}
	if err != nil {
		return fmt.Errorf("making sure that this is the only trainer of %s: %w", t.me.Group, err)
	}
	if t.holder.Nonce != t.me.Nonce {
		t.fenced = fmt.Errorf("training %s as epoch %d: %w, %s, after this one was silent for longer than %v", t.me.Group, t.me.Epoch, ErrFenced, t.holder.String(), t.lease)
		close(t.lost)
		return t.fenced
	}
	t.sure = began
	return nil
}

// beat renews three times a lease until the end.
func (t *Tenure) beat() {
	tick := time.NewTicker(t.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-t.alive.Done():
			return
		case <-t.lost:
			return
		case <-tick.C:
			t.mu.Lock()
			_ = t.renew(t.alive) // a broker that is away: the next beat, or Check, tries again
			t.mu.Unlock()
		}
	}
}

func (t *Tenure) write(ctx context.Context, kind string) error {
	r := t.me
	r.Kind = kind
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return t.w.Write(ctx, frame.Message{Key: []byte(t.me.Group), Value: value})
}

// Close leaves, so that the next one need not wait.
func (t *Tenure) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	t.stop()
	t.beating.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	if t.fenced == nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
		defer cancel()
		if err = t.write(ctx, kindLeave); err != nil {
			err = fmt.Errorf("leaving %s: %w", t.me.Group, err)
		}
	}
	return errors.Join(err, t.w.Close())
}

// leaveWithin is how long the last word may take. Without it the next trainer waits for a lease.
const leaveWithin = 3 * time.Second
