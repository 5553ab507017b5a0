package files

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/streams/frame"
)

// place is one file.
type place struct{ path string }

func (p place) Open(t *testing.T) sinks.Sink {
	s, err := Open(p.path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p place) Contents(t *testing.T) (all []frame.Embedding) {
	for e, err := range Read(p.path) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, sinkstest.Features{Upserts: true}, func(t *testing.T) sinkstest.Place {
		return place{filepath.Join(t.TempDir(), "x.jsonl")}
	})
}

// written is a file of n embeddings of one number, as bytes.
func written(t testing.TB, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.jsonl")
	s, err := Open(path)
	if err == nil {
		err = errors.Join(s.Write(t.Context(), sinkstest.Make(0, n, 1)), s.Close())
	}
	data, err2 := os.ReadFile(path)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, data []byte) place {
	t.Helper()
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	if err := os.WriteFile(p.path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFileTornAtAnyByteIsMendedAndCompleted(t *testing.T) {
	whole := written(t, 2)
	all := sinkstest.Make(0, 2, 1)
	first := bytes.IndexByte(whole, '\n')
	for at := range len(whole) {
		if 12 < at && at < first-2 { // the second line is torn at every byte; the first need not be
			continue
		}
		p := put(t, whole[:at])
		var err error
		n := 0
		for _, e := range Read(p.path) {
			if err = e; e == nil {
				n++
			}
		}
		lines := bytes.Count(whole[:at], []byte("\n"))
		rest := at - (bytes.LastIndexByte(whole[:at], '\n') + 1)
		complete := rest > 0 && whole[at] == '\n' // only the line break is missing
		if complete {
			lines++
		}
		if tornLine := rest > 0 && !complete; errors.Is(err, ErrTorn) != tornLine || n != lines {
			t.Fatalf("cut at %d: read %d of %d, %v", at, n, lines, err)
		}
		s, err := Open(p.path)
		if err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if want := int64(rest); !complete && s.Cut() != want || complete && s.Cut() != 0 {
			t.Fatalf("cut at %d: %d bytes cut off, %d were torn", at, s.Cut(), want)
		}
		if err := errors.Join(s.Write(t.Context(), all), s.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(p.path); err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("cut at %d: the file is\n%s(%v), want\n%s", at, got, err, whole)
		}
	}
}

func TestZerosLeftByAPowerCutAreCutOff(t *testing.T) {
	whole := written(t, 2)
	for name, tail := range map[string]string{"zeros": "\x00\x00\x00\x00", "half a line and zeros": `{"id":"12` + "\x00\x00"} {
		p := put(t, append(bytes.Clone(whole), tail...))
		s, err := Open(p.path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(p.path); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: the file is %q (%v)", name, got, err)
		}
	}
}

func TestFilesOfSomethingElseAreRefusedAndLeftAlone(t *testing.T) {
	whole := string(written(t, 2))
	for name, c := range map[string]struct{ data, says string }{
		"a text":             {"shopping list", "line 1"},
		"a line break more":  {whole + "\n", "line 3"},
		"no id":              {whole + `{"vector":[1]}` + "\n", "line 3"},
		"a torn line inside": {whole[:40] + "\n" + whole, "line 1"},
		"other JSON":         {`{"rows": 7`, "line 1"},
	} {
		p := put(t, []byte(c.data))
		if s, err := Open(p.path); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), p.path) {
			t.Errorf("%s: %v, %v, want an error with %q", name, s, err, c.says)
		}
		var last error
		for _, err := range Read(p.path) {
			last = err
		}
		if last == nil || errors.Is(last, ErrTorn) || !strings.Contains(last.Error(), c.says) {
			t.Errorf("reading %s: %v, want an error with %q", name, last, c.says)
		}
		if got, err := os.ReadFile(p.path); err != nil || string(got) != c.data {
			t.Errorf("%s: the file was changed to %q (%v)", name, got, err)
		}
	}
}

func TestReadNamesWhatIsMissing(t *testing.T) {
	for e, err := range Read(filepath.Join(t.TempDir(), "missing")) {
		if !errors.Is(err, os.ErrNotExist) || e.ID != "" {
			t.Errorf("%+v, %v", e, err)
		}
		return
	}
	t.Error("nothing came")
}

func TestReadStopsWhenAskedTo(t *testing.T) {
	p := put(t, written(t, 3))
	n := 0
	for range Read(p.path) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d embeddings", n)
	}
}

func TestAFileHasOneWriter(t *testing.T) {
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	first := p.Open(t)
	if _, err := Open(p.path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second writer: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t).Close(); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheNewestIDsAreRemembered(t *testing.T) {
	p := place{filepath.Join(t.TempDir(), "x.jsonl")}
	all := sinkstest.Make(0, 10, 2)
	for range 2 { // from what was written, then from what was read
		s, err := open(p.path, 4)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Write(t.Context(), all), s.Write(t.Context(), all[len(all)-4:]), s.Close()); err != nil {
			t.Fatal(err)
		}
		if n := len(s.ids.set); n != 4 || len(s.ids.ring) != 4 {
			t.Errorf("%d ids remembered, want 4", n)
		}
		all = all[len(all)-4:]
	}
	if n := len(p.Contents(t)); n != 10 {
		t.Errorf("%d records, want 10", n)
	}
}
