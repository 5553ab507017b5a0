package streams

import (
	"container/heap"
	"slices"
	"strings"
	"time"
)

// MergeState is all a Merger remembers, for a checkpoint. It goes through gob and JSON if T does.
type MergeState[T any] struct {
	Pending []T         // in the order in which they will leave
	Lanes   []LaneState // by name
	Now     time.Time   // newest log time seen; zero: nothing was pushed yet
	Emitted time.Time   // event time of the last element emitted; zero: none yet
	Belated int         // elements in a row that were late
}

// LaneState is what a Merger remembers of one lane.
type LaneState struct {
	Name   string
	Newest time.Time // newest event time; zero: expected, and not seen yet
	Logged time.Time // from when on its silence counts, in log time

	Excused bool // the silence of the whole log, and not its last element, said so
}

// State is a copy of what the merge remembers; the pending elements themselves are shared.
func (m *Merger[T]) State() MergeState[T] {
	s := MergeState[T]{Pending: m.pending.sorted(), Now: m.now, Emitted: m.emitted, Belated: m.belated}
	for name, l := range m.lanes {
		s.Lanes = append(s.Lanes, LaneState{name, l.newest, l.logged, l.excused})
	}
	slices.SortFunc(s.Lanes, func(a, b LaneState) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Restore replaces what the merge remembers. From there on it behaves as the one that gave the state.
func (m *Merger[T]) Restore(s MergeState[T]) {
	m.now, m.emitted, m.belated = s.Now, s.Emitted, s.Belated
	m.lanes = make(map[string]*laneTimes, len(s.Lanes))
	for _, l := range s.Lanes {
		m.lanes[l.Name] = &laneTimes{newest: l.Newest, logged: l.Logged, excused: l.Excused}
	}
	m.pending, m.pushed = nil, 0
	for _, v := range s.Pending {
		m.pending = append(m.pending, entry[T]{v, m.at(v), m.lane(v), m.pushed})
		m.pushed++
	}
	heap.Init(&m.pending)
}
