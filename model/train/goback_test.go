package train

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/streams/frame"
)

// poisoned is a trainer whose weights become no numbers right after each of these steps (counted from 1).
func poisoned(t *testing.T, set Settings, dir string, after ...uint64) (*Trainer, *[]Setback) {
	t.Helper()
	tr, err := New(set, dir, Outputs{})
	if err != nil {
		t.Fatal(err)
	}
	return tr, poison(tr, after...)
}

// poison spoils one weight after each of these steps, and notes the setbacks.
func poison(tr *Trainer, after ...uint64) *[]Setback {
	var setbacks []Setback
	tr.disk = &faultDisk{unsaved: map[string]bool{}} // that forces nothing: this is about bytes
	tr.out.Step = func(r Report) {
		if slices.Contains(after, r.Step) {
			tr.learner.query.ParamArena[7] = float32(math.NaN())
		}
	}
	tr.out.Setback = func(s Setback) { setbacks = append(setbacks, s) }
	return &setbacks
}

// learnt is everything that training moves, as bits: what learning goes back to must be this.
func learnt(t *testing.T, l *Learner) (bits []uint32) {
	t.Helper()
	for _, ts := range l.tensors() {
		for _, v := range ts.Data {
			bits = append(bits, math.Float32bits(v))
		}
	}
	_, steps := l.optimizer.State()
	bits = append(bits, uint32(steps))
	for _, o := range l.objectives {
		for _, p := range o.State() {
			var b strings.Builder
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
			for _, c := range []byte(b.String()) {
				bits = append(bits, uint32(c))
			}
		}
	}
	return bits
}

func TestFaultOfLearningGoesBackAndHalvesTheRate(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := settingsFor(21)
	set.Sampler.UpdatesPerFrame = 0.5
	tr, setbacks := poisoned(t, set, "", 27)
	defer tr.Close()
	var marked, returned []uint32
	frames := streamOf(120)
	note := tr.out.Setback
	tr.out.Setback = func(s Setback) { note(s); returned = learnt(t, tr.learner) }
	for _, f := range frames {
		if err := tr.Receive(f); err != nil {
			t.Fatal(err)
		}
		if tr.saved == 20 && marked == nil {
			marked = learnt(t, tr.learner)
		}
	}
	want := Setback{Step: 27, Undone: 8, Halvings: 1, Rate: set.LR / 2}
	if len(*setbacks) != 1 || !errors.Is((*setbacks)[0].Err, ErrDiverged) {
		t.Fatalf("setbacks %+v", *setbacks)
	}
	got := (*setbacks)[0]
	if got.Err = nil; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if marked == nil || !slices.Equal(marked, returned) {
		t.Error("what it went back to is not what it was at step 20")
	}
	c := tr.Counts()
	if c.Trained == 0 || c.Received != 120 || c.Steps <= 40 || c.Undone != 8 || c.Halvings != 1 {
		t.Errorf("the stream did not go on: %+v", c)
	}
	for _, v := range tr.learner.query.ParamArena {
		if bad(float64(v)) {
			t.Fatal("a weight is no number")
		}
	}
}

// A run that went wrong, was killed and resumed ends in the bytes of one that went wrong and was left alone: before
// the fault, between fault and next checkpoint, and after; killed without a word, or told to stop in between.
func TestFaultOfLearningIsReproducedByAResume(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, frames := settingsFor(22), streamOf(150)
	set.Sampler.UpdatesPerFrame, set.Every = 0.5, 20
	spoilt := []uint64{33, 52, 99}
	whole, setbacks := poisoned(t, set, t.TempDir(), spoilt...)
	var met, before []int // frames received when a step went wrong, and when learning last stood between the milestone it then went back to and that step
	last, of := 0, uint64(0)
	for i, f := range frames {
		feedAll(t, whole, []*frame.Frame{f})
		if len(*setbacks) > len(met) {
			s := (*setbacks)[len(met)]
			if met = append(met, i+1); of == s.Step+1-s.Undone {
				before = append(before, last)
			}
		}
		if whole.milestone.step != whole.learner.step {
			last, of = i+1, whole.milestone.step
		}
	}
	if err := whole.Finish(); err != nil {
		t.Fatal(err)
	}
	want := fingerprint(t, whole)
	if len(*setbacks) != 2 || whole.Counts().Halvings != 2 { // 99 is never reached
		t.Fatalf("%+v, %+v", *setbacks, whole.Counts())
	}
	if len(before) != 2 {
		t.Fatalf("no frame came between milestone and setback: %v", before)
	}
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	again, held := 0, 0 // lives that lost a setback and met it again, and that were told to stop since a milestone
	for _, end := range []struct {
		killed int
		stop   bool
	}{{met[0], false}, {before[0], true}, {met[1], false}, {before[1], true}} {
		killed, stop := end.killed, end.stop
		dir := t.TempDir()
		tr, _ := poisoned(t, set, dir, spoilt...)
		feedAll(t, tr, frames[:killed])
		if stop {
			if err := tr.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		path, _, err := Latest(dir)
		if err != nil {
			t.Fatal(err)
		}
		halved := tr.Counts().Halvings
		if tr, err = Resume(path, set, dir, Outputs{}); err != nil {
			t.Fatal(err)
		}
		if tr.Counts().Halvings < halved {
			again++
		}
		if tr.milestone.step != tr.learner.step {
			held++
		}
		poison(tr, spoilt...)
		feedAll(t, tr, frames[tr.Positions()[0]:])
		if err := tr.Finish(); err != nil {
			t.Fatal(err)
		}
		if got := fingerprint(t, tr); got != want || tr.Counts().Halvings != 2 || tr.Counts().Undone != whole.Counts().Undone {
			t.Errorf("left after %d frames (told to stop: %v), resumed from %s: it ends elsewhere, %+v, want %+v", killed, stop, path, tr.Counts(), whole.Counts())
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	if again == 0 || held == 0 {
		t.Errorf("%d met a setback again, %d were resumed between milestones: this proves little", again, held)
	}
}

func TestFaultOfLearningEndsARunThatHalvedThreeTimes(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, dir := settingsFor(23), t.TempDir()
	tr, setbacks := poisoned(t, set, dir, 12, 14, 16, 18)
	defer tr.Close()
	var err error
	for _, f := range streamOf(240) {
		if err = tr.Receive(f); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "went wrong 4 times") || !strings.Contains(err.Error(), "start a new one") {
		t.Fatalf("it ends with %v", err)
	}
	if len(*setbacks) != 3 || (*setbacks)[2].Rate != set.LR/8 || tr.Counts().Halvings != 3 {
		t.Errorf("%+v", *setbacks)
	}
	if path, _, err := Latest(dir); err != nil || !strings.HasSuffix(path, "step-0000000010") {
		t.Errorf("the last good checkpoint is %s, %v", path, err)
	}
}

// No hand spoils anything here: plain gradient descent on a squared error grows without bound at a rate of 0.4 and
// falls at an eighth of it. The halvings find a rate between. Of 1e20 they do not.
func TestFaultOfTooHighARateIsCuredByHalvings(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run := func(rate float32) (Counts, error) {
		set := forObjective("inpaint", 24)
		set.Model.Norm = "group"
		set.Optimizer, set.LR, set.Sampler.UpdatesPerFrame = model.OptimizerSpec{Kind: "sgd"}, rate, 0.5
		tr, err := New(set, "", Outputs{})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		for _, f := range streamOf(120) {
			if err := tr.Receive(f); err != nil {
				return tr.Counts(), err
			}
		}
		return tr.Counts(), nil
	}
	if c, err := run(0.4); err != nil || c.Halvings < 1 || c.Halvings > maxHalvings || c.Undone < c.Halvings || c.Steps < 40 {
		t.Errorf("at 0.4: %+v, %v", c, err)
	}
	if c, err := run(1e20); !errors.Is(err, ErrDiverged) || c.Halvings != maxHalvings {
		t.Errorf("at 1e20: %+v, %v", c, err)
	}
}

// What every objective remembers goes back with the weights.
func TestFaultOfLearningGoesBackInEveryObjective(t *testing.T) {
	for _, kind := range objective.Kinds() {
		t.Run(kind, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			set := forObjective(kind, 25)
			set.Every = 1000
			tr, err := New(set, "", Outputs{})
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			frames := streamOf(160)
			feedAll(t, tr, frames[:80])
			if err := tr.learner.mark(&tr.milestone); err != nil {
				t.Fatal(err)
			}
			marked, steps := learnt(t, tr.learner), tr.Counts().Steps
			feedAll(t, tr, frames[80:110]) // no checkpoint is due
			moved := learnt(t, tr.learner)
			if tr.milestone.step != steps || tr.Counts().Steps == steps || slices.Equal(moved, marked) {
				t.Fatalf("nothing was learned, or a milestone passed: %+v after %d steps", tr.Counts(), steps)
			}
			if err := tr.goBack(ErrDiverged); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(learnt(t, tr.learner), marked) {
				t.Error("it did not go back to what it was")
			}
			if err := tr.Receive(frames[110]); err != nil {
				t.Error(err)
			}
		})
	}
}
