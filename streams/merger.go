package streams

import (
	"container/heap"
	"maps"
	"slices"
	"strings"
	"time"
)

// MergeConfig bounds how long the merge waits.
type MergeConfig struct {
	Lateness time.Duration // how far out of order one lane may run and still lose nothing; delays everything by as much
	Idle     time.Duration // a lane silent for longer, in log time, is not waited for; 0: every lane is waited for
	Limit    int           // elements held at most; the oldest leaves when there is one more. 0: 4096
	Lanes    []string      // lanes known to come: waited for (up to Idle) before their first element
}

// Merger puts the elements of several lanes (cameras) in order of event time. It starts nothing, looks
// at no clock, and is a function of the sequence pushed: replaying a log gives the same order.
//
// An element leaves when every lane that is not idle has passed it by more than Lateness:
//
//	watermark = min over live lanes of (newest event time of the lane) − Lateness
//
// and its time is before the watermark. Where nothing comes late and Limit is not reached, the order that
// comes out does not depend on how the lanes were interleaved.
//
// Log time (when the broker's log took the element) measures silence: a lane is idle once the log has
// moved on by more than Idle since its last element, and also while it is further than Idle behind what
// has been emitted, where waiting would stall the others for elements that come late anyhow. A silence of
// the whole log (nothing was captured for a while, and now it goes on) is no lane's own: those that spoke
// until then are waited for anew, that once, as at the beginning. An element
// older than the last one emitted goes to late. Elements of equal time leave by lane name, then in the
// order pushed. Whatever is pushed leaves through out or late, once.
//
// A hundred elements in a row that are late mean that the clock was set back, for all lanes: the merge then gives
// out what it holds and begins anew, and what comes out goes back in time, that once.
type Merger[T any] struct {
	cfg        MergeConfig
	lane       func(T) string
	at, logged func(T) time.Time
	late       func(T)

	pending entries[T]
	lanes   map[string]*laneTimes
	pushed  uint64    // numbers the elements, to break ties
	now     time.Time // newest log time seen
	emitted time.Time // event time of the last element emitted; zero: none yet
	belated int       // elements in a row that were late
}

// setBack is how many elements in a row are late before the clock is thought to have been set back.
const setBack = 100

// laneTimes is what is known of a lane.
type laneTimes struct {
	newest  time.Time // zero: it is expected, and has not spoken yet
	logged  time.Time // from when on its silence counts
	excused bool      // the log's silence, and not its last element, said so
}

// NewMerger is an empty merge. lane names an element's lane, at is its event time, logged its log time;
// late is told what came too late, and may be nil.
func NewMerger[T any](cfg MergeConfig, lane func(T) string, at, logged func(T) time.Time, late func(T)) *Merger[T] {
	if cfg.Limit <= 0 {
		cfg.Limit = 4096
	}
	if late == nil {
		late = func(T) {}
	}
	return &Merger[T]{cfg: cfg, lane: lane, at: at, logged: logged, late: late, lanes: map[string]*laneTimes{}}
}

// Push takes one element in and gives out, in order, those whose time has come. When out fails the
// element it failed on stays pending, and Push returns its error.
func (m *Merger[T]) Push(v T, out func(T) error) error {
	at, logged := m.at(v), m.logged(v)
	if m.emitted.After(at) && m.belated == setBack {
		if err := m.Flush(out); err != nil {
			return err
		}
	}
	if len(m.lanes) == 0 {
		for _, name := range m.cfg.Lanes {
			m.lanes[name] = &laneTimes{logged: logged}
		}
	}
	m.excuse(logged)
	name := m.lane(v)
	l := m.lanes[name]
	if l == nil {
		m.forget()
		l = &laneTimes{}
		m.lanes[name] = l
	}
	l.newest, l.logged, l.excused = latest(l.newest, at), latest(l.logged, logged), false
	m.now = latest(m.now, logged)
	if m.emitted.After(at) {
		m.late(v)
		m.belated++
	} else {
		m.belated = 0
		heap.Push(&m.pending, entry[T]{v, at, name, m.pushed})
		m.pushed++
	}
	mark, all := m.watermark()
	for len(m.pending) > 0 {
		if !all && !m.pending[0].at.Before(mark) && len(m.pending) <= m.cfg.Limit {
			break
		}
		if err := m.pop(out); err != nil {
			return err
		}
	}
	return nil
}

// Flush gives out everything that is pending, in order: the end of the stream. What is pushed after it begins another
// one, which may lie further back: lanes that had run ahead make the others' elements late no more.
func (m *Merger[T]) Flush(out func(T) error) error {
	for len(m.pending) > 0 {
		if err := m.pop(out); err != nil {
			return err
		}
	}
	m.emitted, m.lanes, m.belated = time.Time{}, map[string]*laneTimes{}, 0
	return nil
}

// Pending is how many elements are held.
func (m *Merger[T]) Pending() int { return len(m.pending) }

// watermark is the time up to which nothing more is expected; all reports that no lane is live.
func (m *Merger[T]) watermark() (mark time.Time, all bool) {
	all = true
	for _, l := range m.lanes {
		if m.idle(l) {
			continue
		}
		if w := l.newest.Add(-m.cfg.Lateness); all || w.Before(mark) {
			mark, all = w, false
		}
	}
	return mark, all
}

// excuse lets the silence of the lanes that spoke until the log fell silent count from where the log goes on.
// Once each: a lane that stays away must not stall one that speaks less often than Idle.
func (m *Merger[T]) excuse(logged time.Time) {
	if m.now.IsZero() || logged.Sub(m.now) <= m.cfg.Idle {
		return
	}
	for _, l := range m.lanes {
		if !l.excused && m.now.Sub(l.logged) <= m.cfg.Idle {
			l.logged, l.excused = logged, true
		}
	}
}

// forget drops lanes that have long been silent, each time their number has doubled: strangers may come under ever new
// names. One that comes back is a new lane.
func (m *Merger[T]) forget() {
	if n := len(m.lanes); n < 64 || n&(n-1) != 0 || m.cfg.Idle <= 0 {
		return
	}
	maps.DeleteFunc(m.lanes, func(_ string, l *laneTimes) bool { return m.now.Sub(l.logged) > 10*m.cfg.Idle })
}

func (m *Merger[T]) idle(l *laneTimes) bool {
	if m.cfg.Idle <= 0 {
		return false
	}
	if m.now.Sub(l.logged) > m.cfg.Idle {
		return true
	}
	return !l.newest.IsZero() && m.emitted.Sub(l.newest) > m.cfg.Idle
}

func (m *Merger[T]) pop(out func(T) error) error {
	e := m.pending[0]
	if err := out(e.v); err != nil {
		return err
	}
	heap.Pop(&m.pending)
	m.emitted = e.at
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// entry is a pending element; entries are a heap by event time, lane, order pushed.
type entry[T any] struct {
	v    T
	at   time.Time
	lane string
	n    uint64
}

func (e entry[T]) compare(f entry[T]) int {
	if c := e.at.Compare(f.at); c != 0 {
		return c
	}
	if c := strings.Compare(e.lane, f.lane); c != 0 {
		return c
	}
	if e.n < f.n {
		return -1
	}
	return 1
}

type entries[T any] []entry[T]

func (h entries[T]) Len() int           { return len(h) }
func (h entries[T]) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h entries[T]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entries[T]) Push(x any)        { *h = append(*h, x.(entry[T])) }
func (h *entries[T]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = entry[T]{} // lets go of the element
	*h = (*h)[:last]
	return e
}

// sorted is the pending elements in the order in which they will leave.
func (h entries[T]) sorted() []T {
	s := slices.Clone(h)
	slices.SortFunc(s, entry[T].compare)
	out := make([]T, len(s))
	for i, e := range s {
		out[i] = e.v
	}
	return out
}
