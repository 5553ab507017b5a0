package topic

import (
	"context"
	"time"
)

// Inspect is one round of the watch, with other limits.
func (r *Reader) Inspect(quiet, stall time.Duration) { r.inspect(quiet, stall) }

// SetClock gives a replayer another clock; SetPace calls a function before each letter is sent.
func (r *Replayer) SetClock(now func() time.Time)   { r.now = now }
func (r *Replayer) SetPace(pace func(Letter) error) { r.pace = pace }

// Lease is how long a replay that broke off bars others.
func (r *Replayer) Lease() time.Duration { return r.lease() }

// Freeze ends the beating of a tenure, as a process does that stands still.
func (t *Tenure) Freeze() {
	t.stop()
	t.beating.Wait()
}

// ClaimAfter is Claim, with something that happens between the last look at the log and the claim.
func ClaimAfter(ctx context.Context, cfg Config, topic string, c Claimant, what func()) (*Tenure, error) {
	t, err := newTenure(cfg, topic, c)
	if err != nil {
		return nil, err
	}
	t.pace = what
	return t, t.begin(ctx, c)
}
