package online

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// arrivals write what a life would have met that read the whole log while it was written: the partitions in some other
// order than that of the log, and hurried here and there.
func arrivals(t *testing.T, path string, bounds map[int]topic.Bound) {
	t.Helper()
	var b strings.Builder
	b.WriteString(headOf("") + "\n")
	r, next := rand.New(rand.NewPCG(3, 4)), map[int]int64{}
	for left := true; left; {
		p := r.IntN(len(bounds))
		for range r.IntN(20) {
			if next[p] < bounds[p].Next {
				fmt.Fprintf(&b, "%d %d%s\n", p, next[p], []string{"", "", "", " h"}[r.IntN(4)])
				next[p]++
			}
		}
		left = false
		for p, bound := range bounds {
			left = left || next[p] < bound.Next
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// photograph is a sink that copies a run's folder before one of its writes: what a process that is killed then leaves.
type photograph struct {
	*memory
	dir, copy string
	at        int
}

func (p *photograph) writes() int { return -1 - p.left }

func (p *photograph) Write(ctx context.Context, es []frame.Embedding) error {
	err := p.memory.Write(ctx, es)
	if p.writes() == p.at {
		return os.CopyFS(p.copy, os.DirFS(p.dir))
	}
	return err
}

// A process that is killed has published embeddings since its last checkpoint, of frames that reached it in an order
// which the log does not show. Its next life repeats them: no frame gets an embedding of another model version.
func TestALifeThatWasKilledIsRepeatedInItsOwnOrder(t *testing.T) {
	l := newLogOf(t, 3)
	for range 6 {
		for _, camera := range []string{"door", "yard", "gate", "roof"} {
			l.camera = camera
			l.add(t, 15)
		}
	}
	bounds, err := topic.Bounds(t.Context(), l.cfg, "frames")
	if err != nil {
		t.Fatal(err)
	}
	const frames = 6 * 4 * 15
	of := func(held map[string]frame.Embedding) (models map[frame.Ref]string) {
		models = map[frame.Ref]string{}
		for _, e := range held {
			models[e.Ref] += e.Model + " "
		}
		return models
	}
	life := func(o Options, sink sinks.Sink) Result {
		t.Helper()
		o.Sinks, o.Meter = []sinks.Sink{sink}, NewMeter(o.Settings.Model.Width(), train.Probe{}, 1)
		result, err := Learn(t.Context(), o)
		if err != nil || !result.Finished || result.Counts.Trained != frames {
			t.Fatalf("%+v, %v", result, err)
		}
		return result
	}
	byLog := newMemory()
	life(l.options(t, byLog), byLog)

	for _, at := range []int{1, 9, 17, 30} { // writes: eight frames each
		o := l.options(t, nil)
		dir := filepath.Dir(o.Dir)
		o.Journal = filepath.Join(dir, "journal")
		arrivals(t, o.Journal, bounds)
		sink := &photograph{newMemory(), dir, filepath.Join(t.TempDir(), "killed"), at}
		first := life(o, sink)
		if at == 1 && maps.Equal(of(byLog.held), of(sink.held)) {
			t.Fatal("the order made no difference: the test proves nothing")
		}
		if first.Counts.Forgone == 0 {
			t.Error("no step was forgone: the test proves nothing of hurry")
		}
		o.Dir, o.Journal = filepath.Join(sink.copy, "checkpoints"), filepath.Join(sink.copy, "journal")
		if o.Resume, _, err = train.Latest(o.Dir); err != nil {
			o.Resume = ""
		}
		again := life(o, sink.memory)
		if first.Counts != again.Counts || len(sink.held) != frames {
			t.Errorf("killed at write %d: %+v and %+v, %d embeddings of %d frames", at, first.Counts, again.Counts, len(sink.held), frames)
		}
	}
}

// Entries are kept over a checkpoint that an earlier life could not write, a torn line is left out, and a journal of
// another checkpoint or of strangers is of no use.
func TestAJournalGoesOnWhereItsLifeEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	at := func(offset int64) frame.Ref { return frame.Ref{Partition: 1, Offset: offset} }
	open := func(checkpoint string, want ...int64) *journal {
		t.Helper()
		j, err := openJournal(path, checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { j.Close() })
		got := j.order()
		if len(got) != len(want) {
			t.Fatalf("%v, want offsets %d", got, want)
		}
		for i, offset := range want {
			if got[i] != at(offset) {
				t.Errorf("%v, want offsets %d", got, want)
			}
		}
		return j
	}
	j := open("")
	j.met(at(5), false)
	j.met(at(6), true)
	if err := j.flush(); err != nil {
		t.Fatal(err)
	}
	j.met(at(7), false) // nothing came of it
	j = open("", 5, 6)
	if j.met(at(5), true) {
		t.Error("hurried, and was not the first time")
	}
	if err := j.begin("checkpoints/step-7"); err != nil {
		t.Fatal(err)
	}
	j = open("checkpoints/step-7", 6)
	if !j.met(at(6), false) || j.met(at(9), false) {
		t.Error("6 was hurried, and 9 is not")
	}
	if err := j.flush(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "after step-7\n1 6 h\n1 9\n"; string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
	for _, c := range []struct {
		text, checkpoint string
		want             []int64
	}{
		{string(text) + "1 1", "step-7", []int64{6, 9}},
		{string(text), "step-8", nil},
		{string(text) + "1 ten\n", "step-7", nil},
		{string(text) + "1 10 x\n", "step-7", nil},
		{"", "step-7", nil},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		j = open(c.checkpoint, c.want...)
		j.met(at(20), false)
		if err := j.flush(); err != nil {
			t.Fatal(err)
		}
		open(c.checkpoint, append(c.want, 20)...)
	}
}

// A journal that cannot be written says so once, and is kept again from the next checkpoint on.
func TestFaultOfAJournalIsToldOnceAndMendedByACheckpoint(t *testing.T) {
	j, err := openJournal(filepath.Join(t.TempDir(), "journal"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		j.met(frame.Ref{Offset: int64(i)}, false)
		if err := j.flush(); (err != nil) != (i == 0) {
			t.Errorf("flush %d: %v", i, err)
		}
	}
	j.file = nil
	if err := j.begin("step-1"); err != nil {
		t.Fatal(err)
	}
	j.met(frame.Ref{Offset: 9}, false)
	if err := errors.Join(j.flush(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(j.path); err != nil || string(text) != "after step-1\n0 9\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := openJournal(filepath.Join(t.TempDir(), "no", "folder"), ""); err == nil {
		t.Error("a journal in no folder was opened")
	}
}
