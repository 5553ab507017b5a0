package metrics

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Check is one thing that must be so before work should be sent to a process. Do says what is not.
type Check struct {
	Name string
	Do   func(context.Context) error
}

const (
	readyWait  = 3 * time.Second // how long all checks may take
	readyStale = time.Second     // how long an answer stands, however often it is asked for
)

// readiness runs the checks, at most once a second.
type readiness struct {
	checks []Check
	now    func() time.Time

	mu   sync.Mutex
	at   time.Time
	text string
	ok   bool
}

// look says whether everything is ready, and one line for each check.
func (r *readiness) look(ctx context.Context) (text string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && r.now().Sub(r.at) < readyStale {
		return r.text, r.ok
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
	defer cancel()
	r.text, r.ok = "", true
	for _, c := range r.checks {
		if err := c.Do(ctx); err != nil {
			r.text, r.ok = r.text+fmt.Sprintf("not ready: %s: %v\n", c.Name, err), false
		} else {
			r.text += fmt.Sprintf("ok: %s\n", c.Name)
		}
	}
	r.at = r.now()
	return r.text, r.ok
}
