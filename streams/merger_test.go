package streams_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams"
	"pgregory.net/rapid"
)

// shot is an element of the merge. Times are milliseconds.
type shot struct {
	Lane       string
	At, Logged int64
	N          int
}

func ms(n int64) time.Time { return time.UnixMilli(n).UTC() }

func newMerger(cfg streams.MergeConfig, late func(shot)) *streams.Merger[shot] {
	return streams.NewMerger(cfg, func(s shot) string { return s.Lane },
		func(s shot) time.Time { return ms(s.At) }, func(s shot) time.Time { return ms(s.Logged) }, late)
}

// merged is what a merge made of a sequence.
type merged struct{ out, late []shot }

func (m *merged) emit(s shot) error { m.out = append(m.out, s); return nil }
func (m *merged) drop(s shot)       { m.late = append(m.late, s) }

func merge(t interface{ Fatal(...any) }, cfg streams.MergeConfig, shots []shot) merged {
	var r merged
	m := newMerger(cfg, r.drop)
	for _, s := range shots {
		if err := m.Push(s, r.emit); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Flush(r.emit); err != nil {
		t.Fatal(err)
	}
	return r
}

func drawConfig(t *rapid.T) streams.MergeConfig {
	return streams.MergeConfig{
		Lateness: time.Duration(rapid.IntRange(0, 50).Draw(t, "lateness")) * time.Millisecond,
		Idle:     time.Duration(rapid.IntRange(0, 300).Draw(t, "idle")) * time.Millisecond,
		Limit:    rapid.IntRange(0, 20).Draw(t, "limit"),
		Lanes:    rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "z"}), rapid.ID[string]).Draw(t, "lanes"),
	}
}

func drawShots(t *rapid.T) []shot {
	shots := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) shot {
		return shot{
			Lane: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "lane"),
			At:   rapid.Int64Range(-30, 30).Draw(t, "at"), Logged: rapid.Int64Range(-20, 20).Draw(t, "logged"),
		}
	}), 0, 80).Draw(t, "shots")
	for i := range shots { // time goes on, more or less
		shots[i].N = i
		shots[i].At += int64(i) * 10
		shots[i].Logged += int64(i) * 10
	}
	return shots
}

func TestMergeGivesEverythingOnceAndInOrderOfTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, shots := drawConfig(t), drawShots(t)
		r := merge(t, cfg, shots)
		if !slices.IsSortedFunc(r.out, func(a, b shot) int { return int(a.At - b.At) }) {
			t.Fatalf("out of order: %v", r.out)
		}
		all := append(slices.Clone(r.out), r.late...)
		slices.SortFunc(all, func(a, b shot) int { return a.N - b.N })
		if !slices.Equal(all, shots) {
			t.Fatalf("pushed %v, got %v and late %v", shots, r.out, r.late)
		}
	})
}

// Stopping at any point, through gob or JSON, equals going on.
func TestMergeGoesOnFromItsStateAsIfItHadNotStopped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg, shots := drawConfig(t), drawShots(t)
		want := merge(t, cfg, shots)
		stop := rapid.IntRange(0, len(shots)).Draw(t, "stop")
		viaJSON := rapid.Bool().Draw(t, "json")

		var r merged
		m := newMerger(cfg, r.drop)
		for i, s := range shots {
			if i == stop {
				var b bytes.Buffer
				var state streams.MergeState[shot]
				var err error
				if viaJSON {
					err = errors.Join(json.NewEncoder(&b).Encode(m.State()), json.NewDecoder(&b).Decode(&state))
				} else {
					err = errors.Join(gob.NewEncoder(&b).Encode(m.State()), gob.NewDecoder(&b).Decode(&state))
				}
				if err != nil {
					t.Fatal(err)
				}
				m = newMerger(cfg, r.drop)
				m.Restore(state)
			}
			if err := m.Push(s, r.emit); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Flush(r.emit); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.out, want.out) || !slices.Equal(r.late, want.late) {
			t.Fatalf("stopped before %d: %v late %v; want %v late %v", stop, r.out, r.late, want.out, want.late)
		}
	})
}

// Lanes in order, none idle, no limit: the order out does not depend on how they were interleaved, and
// nothing is late.
func TestMergeDoesNotDependOnTheInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := []string{"a", "b", "c"}
		cfg := streams.MergeConfig{Limit: 1000, Lanes: lanes, Lateness: time.Duration(rapid.IntRange(0, 20).Draw(t, "lateness")) * time.Millisecond}
		queues := make([][]shot, len(lanes))
		for i, lane := range lanes {
			at := int64(0)
			for n, step := range rapid.SliceOfN(rapid.Int64Range(0, 30), 0, 20).Draw(t, lane) {
				at += step
				queues[i] = append(queues[i], shot{Lane: lane, At: at, N: n})
			}
		}
		interleave := func(label string) (all []shot) {
			left := slices.Clone(queues)
			for len(left[0])+len(left[1])+len(left[2]) > 0 {
				i := rapid.IntRange(0, 2).Draw(t, label)
				if len(left[i]) > 0 {
					all, left[i] = append(all, left[i][0]), left[i][1:]
				}
			}
			return all
		}
		one, two := merge(t, cfg, interleave("one")), merge(t, cfg, interleave("two"))
		if !slices.Equal(one.out, two.out) || len(one.late)+len(two.late) > 0 {
			t.Fatalf("%v late %v; %v late %v", one.out, one.late, two.out, two.late)
		}
	})
}

func lanesOf(shots []shot) (s string) {
	for _, x := range shots {
		s += fmt.Sprintf("%s%d ", x.Lane, x.At)
	}
	return s
}

func TestADeadLaneStallsTheOthersForIdleOnly(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Idle: 50 * time.Millisecond}, r.drop)
	push := func(lane string, at, logged int64) {
		t.Helper()
		if err := m.Push(shot{Lane: lane, At: at, Logged: logged}, r.emit); err != nil {
			t.Fatal(err)
		}
	}
	push("a", 0, 0)
	push("b", 0, 0)
	for i := int64(10); i <= 50; i += 10 {
		push("a", i, i)
	}
	if got := lanesOf(r.out); got != "" {
		t.Errorf("b is not idle yet, but %s left", got)
	}
	push("a", 60, 60)
	if got, want := lanesOf(r.out), "a0 b0 a10 a20 a30 a40 a50 "; got != want {
		t.Errorf("b is idle: got %s, want %s", got, want)
	}
	push("b", 20, 70) // it is back, with something old
	push("b", 55, 71)
	push("a", 70, 72)
	push("b", 70, 73)
	if got, want := lanesOf(r.out), "a0 b0 a10 a20 a30 a40 a50 b55 a60 "; got != want || lanesOf(r.late) != "b20 " {
		t.Errorf("b is back: got %s, want %s; late %s", got, want, lanesOf(r.late))
	}
}

func TestALaneWithASlowClockStallsNobody(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Idle: 50 * time.Millisecond}, r.drop)
	for i := int64(0); i < 20; i++ {
		if err := m.Push(shot{Lane: "a", At: 10000 + 10*i, Logged: 10 * i}, r.emit); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if err := m.Push(shot{Lane: "b", At: 10 * i, Logged: 10 * i}, r.emit); err != nil {
				t.Fatal(err)
			}
		}
	}
	if m.Pending() > 2 || len(r.late) == 0 {
		t.Errorf("%d pending, %d late, %d out", m.Pending(), len(r.late), len(r.out))
	}
}

func TestALaneThatIsExpectedIsWaitedFor(t *testing.T) {
	r := merge(t, streams.MergeConfig{Idle: time.Second, Lanes: []string{"a", "b"}}, []shot{
		{Lane: "a", At: 100, Logged: 0}, {Lane: "a", At: 200, Logged: 1}, {Lane: "a", At: 300, Logged: 2}, {Lane: "b", At: 50, Logged: 900},
	})
	if got, want := lanesOf(r.out), "b50 a100 a200 a300 "; got != want || len(r.late) > 0 {
		t.Errorf("got %s, want %s; late %v", got, want, r.late)
	}
}

// After a pause of all of them (the run was stopped, and goes on) the first lane to speak waits for the others.
func TestALogThatFellSilentExcusesItsLanes(t *testing.T) {
	r := merge(t, streams.MergeConfig{Idle: 2 * time.Second}, []shot{
		{Lane: "a", At: 100, Logged: 0}, {Lane: "b", At: 100, Logged: 1},
		{Lane: "a", At: 200, Logged: 60000}, {Lane: "a", At: 300, Logged: 60001}, {Lane: "a", At: 400, Logged: 60002},
		{Lane: "b", At: 150, Logged: 61900},
	})
	if got, want := lanesOf(r.out), "a100 b100 b150 a200 a300 a400 "; got != want || len(r.late) > 0 {
		t.Errorf("got %s, want %s; late %v", got, want, r.late)
	}
}

// A stream that is over and goes on after all: a had run ahead of b, whose elements are not late for that.
func TestAFlushedMergeBeginsAnew(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Idle: time.Second, Lanes: []string{"a", "b"}}, r.drop)
	for i, s := range []shot{{Lane: "a", At: 500}, {Lane: "b", At: 100}, {Lane: "a", At: 600, Logged: 10}, {Lane: "b", At: 200, Logged: 11}} {
		if err := m.Push(s, r.emit); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if err := m.Flush(r.emit); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.Flush(r.emit); err != nil {
		t.Fatal(err)
	}
	if got, want := lanesOf(r.out), "b100 a500 b200 a600 "; got != want || len(r.late) > 0 {
		t.Errorf("got %s, want %s; late %v", got, want, r.late)
	}
}

// Strangers come under ever new names: those that are silent are forgotten, and nothing of theirs is lost.
func TestLanesThatStayAwayAreForgotten(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Idle: 50 * time.Millisecond, Lateness: 20 * time.Millisecond}, r.drop)
	most := 0
	for i := range int64(5000) {
		for _, s := range []shot{{Lane: "a", At: 10 * i, Logged: 10 * i}, {Lane: fmt.Sprint("stranger", i), At: 10 * i, Logged: 10 * i}} {
			if err := m.Push(s, r.emit); err != nil {
				t.Fatal(err)
			}
		}
		most = max(most, len(m.State().Lanes))
	}
	if most > 128 {
		t.Errorf("%d lanes were remembered", most)
	}
	if err := m.Flush(r.emit); err != nil || len(r.out) != 10000 || len(r.late) > 0 {
		t.Errorf("%d came out, %d late, %v", len(r.out), len(r.late), err)
	}
}

// A lane that stays away is excused once: b speaks less often than Idle, and waits for a but the first time.
func TestASilentLaneIsExcusedOnce(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Idle: 2 * time.Second}, r.drop)
	for _, s := range []shot{
		{Lane: "a", At: 0, Logged: 0}, {Lane: "b", At: 0, Logged: 1},
		{Lane: "b", At: 1000, Logged: 10000}, {Lane: "b", At: 1500, Logged: 20000},
	} {
		if err := m.Push(s, r.emit); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := lanesOf(r.out), "a0 b0 b1000 "; got != want || m.Pending() != 1 {
		t.Errorf("got %s, want %s; %d pending", got, want, m.Pending())
	}
}

func TestMergeHoldsNoMoreThanItsLimit(t *testing.T) {
	var r merged
	m := newMerger(streams.MergeConfig{Limit: 3, Lanes: []string{"never"}}, r.drop)
	for i := range int64(10) {
		if err := m.Push(shot{Lane: "a", At: 10 - i%2, Logged: i}, r.emit); err != nil {
			t.Fatal(err)
		}
		if m.Pending() > 3 {
			t.Fatalf("%d pending", m.Pending())
		}
	}
}

func TestAnElementOutFailedOnStaysPending(t *testing.T) {
	sick := errors.New("sick")
	m := newMerger(streams.MergeConfig{}, nil)
	var r merged
	if err := m.Push(shot{Lane: "a", At: 1}, r.emit); err != nil {
		t.Fatal(err)
	}
	if err := m.Push(shot{Lane: "a", At: 2}, func(shot) error { return sick }); !errors.Is(err, sick) {
		t.Errorf("got %v", err)
	}
	if err := m.Flush(r.emit); err != nil || lanesOf(r.out) != "a1 a2 " {
		t.Errorf("got %s, %v", lanesOf(r.out), err)
	}
}
