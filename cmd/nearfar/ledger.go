package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/topic"
)

// ledgerFile is the ledger in a run's folder.
const ledgerFile = "captured.json"

// noteEvery is the time between two notes of the ledger.
const noteEvery = 200 * time.Millisecond

// ledger accounts for what was captured over all lives of a run. It is noted with the cameras' beats; what a
// process that was killed had sent since its last note is found again in Kafka by the next one.
type ledger struct {
	path string

	mu     sync.Mutex
	book   book
	before map[string]tally // of the lives before this one
	noted  time.Time
	err    error // of noting
}

// book is the ledger as it is written.
type book struct {
	First   map[int]int64    `json:"first"`   // by partition of the topic of frames: the first message that the run reads
	Others  uint64           `json:"others"`  // messages from there on that this run did not capture
	Open    bool             `json:"open"`    // a life captures, or was killed while it did
	Cameras map[string]tally `json:"cameras"` // over all lives
}

// tally is what became of a camera's frames.
type tally struct {
	From     uint64            `json:"from"` // the number of the first one
	Live     bool              `json:"live"`
	Captured uint64            `json:"captured"`
	Acked    uint64            `json:"acknowledged"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"`
}

func (t tally) lost() uint64 { return total(t.Dropped) }

// plus adds what a camera's process has counted in one more life.
func (t tally) plus(b sources.Beat) tally {
	t.Captured += b.Captured
	t.Acked += b.Acked
	t.Dropped = maps.Clone(t.Dropped)
	for reason, n := range b.Dropped {
		if t.Dropped == nil {
			t.Dropped = map[string]uint64{}
		}
		t.Dropped[reason] += n
	}
	return t
}

// openLedger reads the ledger of the run in dir, or begins it: the run will read all that the topic holds.
func openLedger(dir string, bounds map[int]topic.Bound) (*ledger, error) {
	l := &ledger{path: filepath.Join(dir, ledgerFile)}
	text, err := os.ReadFile(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.book = book{First: map[int]int64{}, Cameras: map[string]tally{}}
		for partition, b := range bounds {
			l.book.First[partition] = b.First
			l.book.Others += uint64(b.Next - b.First)
		}
		err = l.write()
	case err == nil:
		if err = json.Unmarshal(text, &l.book); err != nil {
			err = fmt.Errorf("reading %s: %w", l.path, err)
		}
	}
	l.before = maps.Clone(l.book.Cameras)
	return l, err
}

// inTopic is how many messages have come into the topic that the run reads.
func (l *ledger) inTopic(bounds map[int]topic.Bound) (n uint64) {
	for partition, b := range bounds {
		n += uint64(max(0, b.Next-l.book.First[partition]))
	}
	return n
}

// begin opens the book for a life that captures. Where the life before was killed it closes that one's
// accounts, by what Kafka has: at says how far each camera's frames go there. Alone says that nobody else is
// thought to write to the topic.
func (l *ledger) begin(cameras []catalog.Camera, at map[string]position, bounds map[int]topic.Bound, alone bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.before == nil {
		l.before = map[string]tally{}
	}
	if l.book.Open {
		l.settleFinite(at)
		l.settleLive(bounds, alone)
	}
	for _, c := range cameras {
		if _, ok := l.before[c.Name]; !ok {
			l.before[c.Name] = tally{From: at[c.Name].next, Live: c.Live}
		}
	}
	l.book.Open, l.book.Cameras = true, maps.Clone(l.before)
	return l.write()
}

// settleFinite: the numbers of a file's frames tell exactly how many Kafka has. What was on its way is
// captured again.
func (l *ledger) settleFinite(at map[string]position) {
	for name, t := range l.before {
		if t.Live {
			continue
		}
		if sent := at[name].next - min(at[name].next, t.From); sent > t.Acked+t.lost() {
			t.Acked = sent - t.lost()
		}
		t.Captured = t.Acked + t.lost()
		l.before[name] = t
	}
}

// settleLive: what a live camera had captured is in Kafka, or died with its process.
func (l *ledger) settleLive(bounds map[int]topic.Bound, alone bool) {
	var more uint64 // in Kafka, and noted of nobody
	if alone {
		known := l.book.Others
		for _, t := range l.before {
			known += t.Acked
		}
		more = l.inTopic(bounds) - min(known, l.inTopic(bounds))
	}
	last := ""
	for _, name := range slices.Sorted(maps.Keys(l.before)) {
		t := l.before[name]
		if !t.Live {
			continue
		}
		last = name
		onWay := t.Captured - min(t.Captured, t.Acked+t.lost())
		arrived := min(onWay, more)
		t.Acked += arrived
		more -= arrived
		if died := onWay - arrived; died > 0 {
			t.Dropped = maps.Clone(t.Dropped)
			if t.Dropped == nil {
				t.Dropped = map[string]uint64{}
			}
			t.Dropped[sources.DroppedDied] += died
		}
		l.before[name] = t
	}
	if t, ok := l.before[last]; ok { // captured since the last note
		t.Captured += more
		t.Acked += more
		l.before[last] = t
	} else {
		l.book.Others += more
	}
}

// beat notes a camera's totals of this life.
func (l *ledger) beat(b sources.Beat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Cameras[b.Camera] = l.before[b.Camera].plus(b)
	if time.Since(l.noted) < noteEvery {
		return
	}
	l.noted = time.Now()
	if err := l.write(); err != nil {
		l.err = err
	}
}

// end closes the book with the last totals of this life, if it captured.
func (l *ledger) end(totals map[string]sources.Beat, bounds map[int]topic.Bound) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	acked := uint64(0)
	for name, b := range totals {
		l.book.Cameras[name] = l.before[name].plus(b)
	}
	for _, t := range l.book.Cameras {
		acked += t.Acked
	}
	in := l.inTopic(bounds)
	l.book.Open, l.book.Others = false, in-min(in, acked)
	return errors.Join(l.err, l.write())
}

// sum adds up all cameras over all lives.
func (l *ledger) sum() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all tally
	for _, t := range l.book.Cameras {
		all = all.plus(sources.Beat{Captured: t.Captured, Acked: t.Acked, Dropped: t.Dropped})
	}
	return all
}

// write replaces the file. The lock is held.
func (l *ledger) write() error {
	text, err := json.Marshal(l.book)
	if err == nil {
		err = os.WriteFile(l.path+".tmp", append(text, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(l.path+".tmp", l.path)
	}
	if err != nil {
		return fmt.Errorf("noting what was captured: %w", err)
	}
	return nil
}
