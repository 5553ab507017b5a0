// Package files writes embeddings to a file of JSON lines, one record per id.
package files

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Sink appends to one file and remembers the ids in it.
type Sink struct {
	path string
	file *os.File
	w    *bufio.Writer
	have map[[16]byte]struct{} // short hashes of the ids: a million take some 40 MB
}

var _ sinks.Sink = (*Sink)(nil)

// Open appends to the file at path, new or not. A last line that is torn, because the process died while it
// was written, is cut off: its embedding will be written again. Any other line that is no embedding is an error.
func Open(path string) (*Sink, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening embeddings: %w", err)
	}
	s := &Sink{path: path, file: f, have: map[[16]byte]struct{}{}}
	end, err := each(f, func(e frame.Embedding) error { s.have[short(e.ID)] = struct{}{}; return nil })
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening embeddings in %s: %w", path, err), f.Close())
	}
	s.w = bufio.NewWriterSize(f, 1<<18)
	return s, nil
}

func short(id string) [16]byte {
	h := sha256.Sum256([]byte(id))
	return [16]byte(h[:16])
}

// each hands on the embeddings of a file and returns where the last whole line ends.
func each(r io.Reader, do func(frame.Embedding) error) (end int64, err error) {
	lines := bufio.NewReaderSize(r, 1<<18)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return end, nil // what stands behind the last line break is torn
		}
		if err != nil {
			return end, err
		}
		var e frame.Embedding
		if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil || e.ID == "" {
			return end, fmt.Errorf("line %d is no embedding (%.60q); move the file away or mend the line", n, line)
		}
		if err := do(e); err != nil {
			return end, err
		}
		end += int64(len(line))
	}
}

// Read hands on the embeddings in a file. A torn last line is left out.
func Read(path string, do func(frame.Embedding) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading embeddings: %w", err)
	}
	defer f.Close()
	if _, err := each(f, do); err != nil {
		return fmt.Errorf("reading embeddings from %s: %w", path, err)
	}
	return nil
}

// Write implements sinks.Sink; records with an id that is in the file already are left out.
func (s *Sink) Write(_ context.Context, es []frame.Embedding) error {
	enc := json.NewEncoder(s.w)
	for _, e := range es {
		if _, ok := s.have[short(e.ID)]; ok {
			continue
		}
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("writing embedding %s to %s: %w", e.ID, s.path, err)
		}
		s.have[short(e.ID)] = struct{}{}
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("writing embeddings to %s: %w", s.path, err)
	}
	return nil
}

// Close implements sinks.Sink; the file is forced to the disk.
func (s *Sink) Close() error { return errors.Join(s.w.Flush(), s.file.Sync(), s.file.Close()) }
