package online

import "sync"

// turns keeps decoding and steps apart where they would share cores. The threads of a step go in lock-step: one whose core
// decodes a picture meanwhile keeps all others waiting. So steps have the machine, and between them decoders do.
type turns struct {
	taken bool // else there are cores to spare, and nobody waits
	mu    sync.RWMutex
}

func nothing() {}

// step waits until nothing is being decoded, and holds decoding up until it is told that the step is over.
func (t *turns) step() (over func()) {
	if !t.taken {
		return nothing
	}
	t.mu.Lock()
	return t.mu.Unlock
}

// decode waits while a step runs.
func (t *turns) decode() (over func()) {
	if !t.taken {
		return nothing
	}
	t.mu.RLock()
	return t.mu.RUnlock
}
