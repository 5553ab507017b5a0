package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/streams/frame"
)

// sizes are the files of a folder. A spool only appends: what lay on the disk at an earlier moment is what lies there
// now, cut off at the sizes of then.
func sizes(t *testing.T, dir string) map[string]int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = int(info.Size())
	}
	return out
}

// TestFaultACrashWithinEveryWrite: the process dies after some bytes of each write, or the power goes and the rest of
// the write is zeros. What was acknowledged arrives, in order and once; of the batch that was being written, whole
// embeddings or nothing; and the next process goes on.
func TestFaultACrashWithinEveryWrite(t *testing.T) {
	const batches, each = 30, 3
	away, dir := &door{after: -1, away: true}, filepath.Join(t.TempDir(), "spool")
	s := before(t, away, dir, 20<<10)
	all := sinkstest.Make(0, (batches+1)*each, 4)
	states := []map[string]int{sizes(t, dir)}
	for i := range batches {
		if err := s.Write(t.Context(), all[i*each:(i+1)*each]); err != nil {
			t.Fatal(err)
		}
		states = append(states, sizes(t, dir))
	}
	content := map[string][]byte{}
	for name := range states[batches] {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		content[name] = text
	}
	if err := s.Close(); err != nil || len(content) < 4 {
		t.Fatalf("%d files, %v", len(content), err)
	}
	crashes := 0
	for i := range batches {
		for name, to := range states[i+1] {
			from := states[i][name]
			for cut := from; cut < to; cut += max(1, (to-from)/11) {
				for _, zeros := range []int{0, to - cut} {
					disk := map[string][]byte{}
					for other, size := range states[i] {
						disk[other] = content[other][:size]
					}
					disk[name] = append(slices.Clone(content[name][:cut]), make([]byte, zeros)...)
					recovers(t, disk, all, i*each, each)
					crashes++
				}
			}
		}
	}
	t.Logf("%d crashes within %d writes to %d files", crashes, batches, len(content))
}

// drained waits until nothing waits, as finely as hundreds of spools need it.
func drained(s *Spool) {
	for s.Bytes() > 0 {
		time.Sleep(50 * time.Microsecond)
	}
}

// recovers starts a spool on what a crash has left: acked embeddings were promised, and the batch behind them was
// being written. It is written again, as by a trainer that is resumed.
func recovers(t *testing.T, disk map[string][]byte, all []frame.Embedding, acked, each int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range disk {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := &door{after: -1}
	s := before(t, d, dir, 20<<10)
	drained(s)
	n := len(d.has())
	if n < acked || n > acked+each || !sinkstest.Same(d.has(), all[:n]) {
		t.Fatalf("%d arrived, %d were promised and %d more being written; or in another order", n, acked, each)
	}
	d.set(func(d *door) { d.away = true })
	if err := s.Write(t.Context(), all[acked:acked+each]); err != nil {
		t.Fatal(err)
	}
	d.set(func(d *door) { d.away = false })
	drained(s)
	if got := d.has()[n:]; !sinkstest.Same(got, all[acked:acked+each]) {
		t.Fatalf("of the batch that came again %d arrived", len(got))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTheFolderOfASpoolSurvivesAPowerCut: its own name must last before anything in it is promised.
func TestTheFolderOfASpoolSurvivesAPowerCut(t *testing.T) {
	run := t.TempDir()
	write := func(folder string, lasting func(string) error) error {
		s := before(t, &door{away: true}, filepath.Join(run, folder), 1<<20)
		s.lasting = lasting
		defer s.Close()
		return s.Write(t.Context(), sinkstest.Make(0, 1, 4))
	}
	var forced []string
	if err := write("spool/0-topic", func(dir string) error { forced = append(forced, dir); return nil }); err != nil || !slices.Equal(forced, []string{filepath.Join(run, "spool"), run}) {
		t.Errorf("%v was forced to the disk, and the write gave %v", forced, err)
	}
	fail := errors.New("input/output error")
	if err := write("other", func(string) error { return fail }); !errors.Is(err, fail) {
		t.Errorf("a folder that may not last gave %v", err)
	}
}

// FuzzSegment: whatever lies in a file of the spool, embeddings that can be read are sent, in order, and a file that
// cannot be read to its end stays where it is.
func FuzzSegment(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x.jsonl")
	sink, err := files.Open(path)
	if err == nil {
		err = errors.Join(sink.Write(f.Context(), sinkstest.Make(0, 3, 2)), sink.Close())
	}
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add(append(slices.Clone(whole[:len(whole)-7]), 0, 0, 0))
	f.Add([]byte("\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "00000001.jsonl")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var want []frame.Embedding
		var damaged error
		for e, err := range files.Read(path) {
			if err == nil {
				want = append(want, e)
			} else if !errors.Is(err, files.ErrTorn) {
				damaged = err
			}
		}
		d := &door{after: -1}
		s := before(t, d, dir, 1<<20)
		if damaged == nil {
			settled(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := os.Stat(path)
		switch got := d.has(); {
		case damaged == nil && (!sinkstest.Same(got, want) || !errors.Is(err, os.ErrNotExist)):
			t.Fatalf("%d arrived of %d; the file: %v", len(got), len(want), err)
		case damaged != nil && (len(got) > len(want) || err != nil):
			t.Fatalf("%d arrived of %d before %v; the file: %v", len(got), len(want), damaged, err)
		}
	})
}
