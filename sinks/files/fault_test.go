package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nearfar/nearfar/sinks/sinkstest"
)

// full is a disk on which only so many bytes more find room.
type full struct {
	*os.File
	room     int
	truncate error
}

var errFull = errors.New("no space left on device")

func (f *full) WriteAt(p []byte, at int64) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return f.File.WriteAt(p, at)
	}
	n, err := f.File.WriteAt(p[:f.room], at)
	f.room = 0
	return n, errors.Join(errFull, err)
}

func (f *full) Truncate(size int64) error {
	if f.truncate != nil {
		return f.truncate
	}
	return f.File.Truncate(size)
}

func TestAFullDiskLeavesWholeLinesAndTheBatchCanBeTriedAgain(t *testing.T) {
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	s, err := Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	disk := &full{File: s.file.(*os.File), room: 1000}
	s.file = disk
	all := sinkstest.Make(0, 10, 16)
	if err := s.Write(t.Context(), all[:2]); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), all[2:]); !errors.Is(err, errFull) {
		t.Fatalf("got %v", err)
	}
	if got := p.Contents(t); !sinkstest.Same(got, all[:2]) {
		t.Fatalf("%d embeddings after the failure, want 2", len(got))
	}
	disk.room = 1 << 20
	if err := errors.Join(s.Write(t.Context(), all[2:]), s.Close()); err != nil {
		t.Fatal(err)
	}
	if got := p.Contents(t); !sinkstest.Same(got, all) {
		t.Errorf("%d embeddings in the end, want 10", len(got))
	}
}

func TestNothingIsAppendedToALineThatCannotBeCutOff(t *testing.T) {
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	s, err := Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	s.file = &full{File: s.file.(*os.File), room: 100, truncate: errors.New("input/output error")}
	for range 2 {
		if err := s.Write(t.Context(), sinkstest.Make(0, 1, 16)); !errors.Is(err, errFull) {
			t.Errorf("got %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := p.Open(t).(*Sink); again.Cut() != 100 {
		t.Errorf("%d bytes cut off on opening, want 100", again.Cut())
	}
}

// TestMain is also the process that TestWhatWasWrittenSurvivesKill9 kills: it writes batches and says so.
func TestMain(m *testing.M) {
	path := os.Getenv("FILES_TEST_WRITE_TO")
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := Open(path)
	for i := 0; err == nil && i < 100_000; i++ {
		if err = s.Write(context.Background(), sinkstest.Make(5*i, 5, 64)); err == nil {
			_, err = fmt.Println(i)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestWhatWasWrittenSurvivesKill9(t *testing.T) {
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	acknowledged := 0
	for life := range 3 {
		var said, failed bytes.Buffer
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "FILES_TEST_WRITE_TO="+p.path)
		child.Stderr = &failed
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		for bytes.Count(said.Bytes(), []byte("\n")) < 50*(life+1) {
			n, err := out.Read(buf)
			said.Write(buf[:n])
			if err != nil {
				t.Fatalf("life %d: %v, %s", life, err, failed.String())
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for n := 1; n > 0; { // what it said before it died
			n, _ = out.Read(buf)
			said.Write(buf[:n])
		}
		if child.Wait() == nil {
			t.Fatal("the child ended by itself")
		}
		acknowledged = max(acknowledged, bytes.Count(said.Bytes(), []byte("\n")))
	}
	s := p.Open(t) // mends what the last one left
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := p.Contents(t)
	if len(got) < 5*acknowledged || !sinkstest.Same(got, sinkstest.Make(0, len(got), 64)) {
		t.Errorf("%d embeddings, %d were acknowledged, or they are not each there once in order", len(got), 5*acknowledged)
	}
}

func FuzzRead(f *testing.F) {
	whole := written(f, 2)
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add([]byte(`{"id":"x","vector":[1e99]}`))
	f.Add([]byte("\x00\x00"))
	path := filepath.Join(f.TempDir(), "x.jsonl")
	f.Fuzz(func(t *testing.T, data []byte) {
		n, failed := 0, error(nil)
		for e, err := range decode(bytes.NewReader(data)) {
			if failed != nil {
				t.Fatal("something came after an error")
			}
			if failed = err; err == nil {
				n++
				if e.ID == "" || len(e.Vector) == 0 {
					t.Fatalf("%+v", e)
				}
			}
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path)
		if err != nil {
			if failed == nil {
				t.Fatalf("%d embeddings can be read, but the file not opened: %v", n, err)
			}
			return
		}
		if err := errors.Join(s.Write(t.Context(), sinkstest.Make(0, 1, 2)), s.Close()); err != nil {
			t.Fatal(err)
		}
	})
}
