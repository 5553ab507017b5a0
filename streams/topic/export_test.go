package topic

import "time"

// Inspect is one round of the watch, with other limits.
func (r *Reader) Inspect(quiet, stall time.Duration) { r.inspect(quiet, stall) }

// SetClock gives a replayer another clock; SetPace calls a function before each letter is sent.
func (r *Replayer) SetClock(now func() time.Time)   { r.now = now }
func (r *Replayer) SetPace(pace func(Letter) error) { r.pace = pace }

// Lease is how long a replay that broke off bars others.
func (r *Replayer) Lease() time.Duration { return r.lease() }
