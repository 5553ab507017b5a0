package streams_test

import (
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams"
)

const hour = int64(time.Hour / time.Millisecond)

// A camera's clock jumps an hour ahead and, some time later, back: only what it takes to be sure is lost.
func TestFaultAClockThatIsSetBackCostsAHundredFramesAndNoMore(t *testing.T) {
	for name, lanes := range map[string][]string{"one camera": {"a"}, "a rig": {"a", "b", "c"}} {
		t.Run(name, func(t *testing.T) {
			var shots []shot
			for i := range int64(900) {
				at := i * 100
				if i >= 300 && i < 600 {
					at += hour
				}
				for _, l := range lanes {
					shots = append(shots, shot{Lane: l, At: at, Logged: i * 100, N: len(shots)})
				}
			}
			cfg := streams.MergeConfig{Lateness: 200 * time.Millisecond, Idle: time.Second}
			r := merge(t, cfg, shots)
			if len(r.late) != 100 || len(r.out)+len(r.late) != len(shots) {
				t.Errorf("%d of %d came late", len(r.late), len(shots))
			}
			back := 0
			for i := 1; i < len(r.out); i++ {
				if r.out[i].At < r.out[i-1].At {
					back++
				}
			}
			if back != 1 {
				t.Errorf("what came out goes back in time %d times", back)
			}
			first := newMerger(cfg, func(shot) {})
			var again merged
			for _, s := range shots[:len(shots)*2/3+50] { // and stops among the late ones
				if err := first.Push(s, again.emit); err != nil {
					t.Fatal(err)
				}
			}
			second := newMerger(cfg, func(shot) {})
			second.Restore(first.State())
			for _, s := range shots[len(shots)*2/3+50:] {
				if err := second.Push(s, again.emit); err != nil {
					t.Fatal(err)
				}
			}
			if err := second.Flush(again.emit); err != nil {
				t.Fatal(err)
			}
			if len(again.out) != len(r.out) {
				t.Errorf("%d came out where it went on from its state, %d where it had not stopped", len(again.out), len(r.out))
			}
		})
	}
}

// One camera of a rig whose clock is wrong sets nobody's back, nor do old frames that somebody sends once more.
func TestFaultOldFramesAmongNewOnesAreLate(t *testing.T) {
	var shots []shot
	late := 0
	for i := range int64(900) {
		shots = append(shots, shot{Lane: "a", At: i * 100, Logged: i * 100})
		if i > 300 {
			shots = append(shots, shot{Lane: "b", At: i*100 - hour, Logged: i * 100})
			late++
		}
	}
	r := merge(t, streams.MergeConfig{Lateness: 200 * time.Millisecond, Idle: time.Second}, shots)
	if len(r.late) != late {
		t.Errorf("%d came late, want %d", len(r.late), late)
	}
}
