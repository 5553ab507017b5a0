package topic

import "time"

// Inspect is one round of the watch, with other limits.
func (r *Reader) Inspect(quiet, stall time.Duration) { r.inspect(quiet, stall) }
