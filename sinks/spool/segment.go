package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/streams/frame"
)

const (
	pattern = "%08d.jsonl"
	parts   = 8 // files that a full spool is cut into: what was sent is deleted file by file
)

// segment is one file of a spool.
type segment struct {
	path   string
	number int
	size   int64
	sealed bool        // nothing more is written to it
	open   *files.Sink // nil once sealed
}

// segments are the files in a folder, by number. An empty list where there is no folder.
func segments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, e := range entries {
		s := &segment{path: filepath.Join(dir, e.Name()), sealed: true}
		if _, err := fmt.Sscanf(e.Name(), pattern, &s.number); err != nil || s.number < 1 || e.Name() != fmt.Sprintf(pattern, s.number) || !e.Type().IsRegular() {
			return nil, fmt.Errorf("there is %s, which is none of its files; move it away", e.Name())
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		s.size = info.Size()
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *segment) int { return a.number - b.number })
	return out, nil
}

func create(path string, number int) (*segment, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	return &segment{path: path, number: number, open: f}, nil
}

// append writes a batch whole or not at all.
func (s *segment) append(batch []frame.Embedding) error {
	if err := s.open.Write(context.Background(), batch); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err == nil {
		s.size = info.Size()
	}
	return err
}

func (s *segment) flush() error {
	if s.open == nil {
		return nil // sealing has flushed it
	}
	return s.open.Flush()
}

func (s *segment) seal() error {
	if s.sealed {
		return nil
	}
	s.sealed = true
	f := s.open
	s.open = nil
	return f.Close()
}

func (s *segment) remove() error {
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
