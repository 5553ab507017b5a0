package train

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/nearfar/nearfar/streams/frame"
)

// tell is a checkpoint of two files that say what they are.
func tell(words string) []part {
	write := func(w io.Writer) error { _, err := io.WriteString(w, words); return err }
	return []part{{"query.safetensors", write}, {"state.json", write}}
}

// saveWords writes such a checkpoint and keeps the newest ones only.
func saveWords(d disk, dir string, step, keep int, words string) error {
	name := fmt.Sprintf("step-%010d", step)
	if _, err := writeSnapshot(d, dir, name, manifest{Run: "test", Step: uint64(step)}, tell(words)); err != nil {
		return err
	}
	return retain(d, dir, name, keep)
}

// loadWords is what the newest whole checkpoint says.
func loadWords(t *testing.T, dir string) string {
	t.Helper()
	path, _, err := Latest(dir)
	if err != nil {
		return err.Error()
	}
	words, err := os.ReadFile(filepath.Join(path, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(words)
}

// A checkpoint is written, and at each of its system calls in turn the disk fails, the process dies, or the
// machine loses its power. The one before, or the new one, loads; after an error, writing again succeeds and
// leaves nothing behind.
func TestEveryFaultOfWritingLeavesACheckpointThatLoads(t *testing.T) {
	faults := []struct {
		name string
		how  int
		err  error
	}{
		{"EIO", failing, syscall.EIO}, {"ENOSPC", failing, syscall.ENOSPC}, {"EROFS", failing, syscall.EROFS},
		{"dies before", dyingBefore, nil}, {"dies after", dyingAfter, nil}, {"power cut", powerCut, nil},
	}
	for _, c := range []struct {
		name      string
		old, step int
	}{{"a later step", 10, 20}, {"the same step", 20, 20}} {
		fresh := func() (dir string, d *faultDisk) {
			dir = filepath.Join(t.TempDir(), "checkpoints")
			d = &faultDisk{unsaved: map[string]bool{}}
			if err := saveWords(d, dir, c.old, 1, "old"); err != nil {
				t.Fatal(err)
			}
			d.calls = 0
			return dir, d
		}
		dir, d := fresh()
		if err := saveWords(d, dir, c.step, 1, "new"); err != nil || loadWords(t, dir) != "new" {
			t.Fatalf("%s, without a fault: %v, loads %q", c.name, err, loadWords(t, dir))
		}
		calls := d.calls
		if calls < 15 {
			t.Fatalf("writing a checkpoint is %d calls: the disk does not see them all", calls)
		}
		for at := 1; at <= calls; at++ {
			for _, f := range faults {
				dir, d := fresh()
				d.at, d.how, d.err = at, f.how, f.err
				died, err := d.crash(func() error { return saveWords(d, dir, c.step, 1, "new") })
				where := fmt.Sprintf("%s, %s at call %d (%s)", c.name, f.name, at, d.call)
				if died != (f.err == nil) || !errors.Is(err, f.err) {
					t.Errorf("%s: died %v, %v", where, died, err)
				}
				if got := loadWords(t, dir); got != "old" && got != "new" {
					t.Errorf("%s: loads %s", where, got)
				} else if got == "old" && !died && err == nil {
					t.Errorf("%s: said to be saved, and is not", where)
				}
				d.at = 0 // the disk is mended, or a new process goes on
				if err := saveWords(d, dir, c.step, 1, "again"); err != nil || loadWords(t, dir) != "again" {
					t.Errorf("%s, and once more: %v, loads %s", where, err, loadWords(t, dir))
				}
				if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
					t.Errorf("%s: what is left is %v, %v", where, left, err)
				}
			}
		}
	}
}

// What was damaged at the end is passed over, and must not push whole ones out.
func TestADamagedLaterCheckpointIsNotKeptInsteadOfWholeOnes(t *testing.T) {
	dir := t.TempDir()
	for step, words := range map[int]string{10: "ten", 20: "twenty"} {
		if err := saveWords(realDisk{}, dir, step, 5, words); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "step-0000000020", "state.json")); err != nil {
		t.Fatal(err)
	}
	if err := saveWords(realDisk{}, dir, 15, 1, "fifteen"); err != nil || loadWords(t, dir) != "fifteen" {
		t.Errorf("%v, loads %s", err, loadWords(t, dir))
	}
}

func TestTheBestCheckpointIsKept(t *testing.T) {
	dir := t.TempDir()
	for step, score := range []float64{0.2, 0.7, 0.7, 0.4, 0.5, 0.3} {
		name := fmt.Sprintf("step-%010d", step)
		if _, err := writeSnapshot(realDisk{}, dir, name, manifest{Step: uint64(step), Score: &score}, tell("")); err != nil {
			t.Fatal(err)
		}
		if err := retain(realDisk{}, dir, name, 2); err != nil {
			t.Fatal(err)
		}
	}
	names, err := snapshots(dir)
	if got := strings.Join(names, " "); err != nil || got != "step-0000000002 step-0000000004 step-0000000005" {
		t.Errorf("kept %s (%v), want the newest two and the later of the two best", got, err)
	}
}

// A full disk ends the run with an error that says what to do, unless it is told to go on: then it trains as if
// nothing had happened, publishes no version that is not saved, and saves again once there is room.
func TestAFullDiskStopsARunUnlessItIsToldToGoOn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, frames := settingsFor(7), streamOf(80)
	set.Every, set.Sampler.UpdatesPerFrame = 3, 0.5
	full := func(goOn bool) (*Trainer, *faultDisk, *[]uint64, *[]string) {
		set.GoOn = goOn
		var unsaved []uint64
		var versions []string
		tr, err := New(set, t.TempDir(), Outputs{Unsaved: func(step uint64, _ error) { unsaved = append(unsaved, step) },
			Embeddings: func(es []frame.Embedding) error { versions = append(versions, es[0].Model); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		d := &faultDisk{unsaved: map[string]bool{}, how: failing, err: syscall.ENOSPC, from: true}
		tr.disk = d
		return tr, d, &unsaved, &versions
	}

	tr, d, _, _ := full(false)
	var err error
	for _, f := range frames {
		if err = tr.Receive(f); err != nil {
			break
		}
		if tr.saved > 0 && d.at == 0 {
			d.at = d.calls + 1
		}
	}
	last := fmt.Sprintf("step-%010d", tr.saved)
	path, _, latestErr := Latest(tr.dir)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "earlier checkpoints are intact") || latestErr != nil || filepath.Base(path) != last {
		t.Errorf("%v; %s loads (%v), want %s", err, path, latestErr, last)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}

	tr, d, unsaved, versions := full(true)
	for _, f := range frames {
		if err := tr.Receive(f); err != nil {
			t.Fatal(err)
		}
		if tr.saved > 0 && len(*unsaved) == 0 && d.at == 0 {
			d.at = d.calls + 1
		}
		if len(*unsaved) == 2 {
			d.at, d.from = 0, false
		}
	}
	if len(*unsaved) != 2 || (*unsaved)[0] >= (*unsaved)[1] {
		t.Errorf("steps %v were not saved, want two", *unsaved)
	}
	for _, v := range *versions {
		for _, step := range *unsaved {
			if v == tr.set.version(step) {
				t.Errorf("embeddings by %s, which was not saved", v)
			}
		}
	}
	path, _, err = Latest(tr.dir)
	if want := fmt.Sprintf("step-%010d", tr.saved); err != nil || filepath.Base(path) != want || tr.saved <= (*unsaved)[1] {
		t.Errorf("once there is room again: %s (%v), want %s", path, err, want)
	}
	d.at, d.from = d.calls+1, true
	if err := tr.Finish(); !errors.Is(err, syscall.ENOSPC) { // the end of a run is saved or it is no end
		t.Errorf("the end could not be saved: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}
