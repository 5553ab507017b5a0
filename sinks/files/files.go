// Package files keeps embeddings in a file of JSON lines, one record per id.
//
// A batch reaches the file with one write, so that a process killed at any moment leaves whole batches, and at most
// one torn line at the end where the machine itself went down. Opening the file again cuts a torn line off: its
// embedding was never reported as written and comes again.
package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/nearfar/nearfar/internal/durable"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// Remembered is how many ids a sink knows, the newest ones, in some 4 MB. An embedding is repeated soon after it was
// written (a resumed run goes back one checkpoint, an embed worker a batch), so what is older than that stays single in
// practice, and memory stays bounded on a stream that never ends.
const Remembered = 1 << 17

// Sink appends to one file, which no other process may write meanwhile.
type Sink struct {
	path string
	lock *flock.Flock
	cut  int64

	mu     sync.Mutex
	file   file
	size   int64 // of whole lines; what a failed write leaves behind it is cut off again
	ids    *ids
	buf    bytes.Buffer
	closed bool
	err    error // the file could not be brought back to whole lines
}

var (
	_ sinks.Sink    = (*Sink)(nil)
	_ sinks.Flusher = (*Sink)(nil)
)

// file is what the sink needs of an *os.File.
type file interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// Open appends to the file at path, which it makes where there is none (not its folder), and learns which ids it
// holds. A file that is open in another process is an error, and so is one with a line that is no embedding, except a
// torn last one, which is cut off.
func Open(path string) (*Sink, error) { return open(path, Remembered) }

func open(path string, remembered int) (_ *Sink, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening embeddings: %w", err)
	}
	s := &Sink{path: path, lock: flock.New(path), file: f, ids: newIDs(remembered)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("opening embeddings in %s: %w", path, err), s.lock.Close(), f.Close())
		}
	}()
	locked, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking it: %w", err)
	}
	if !locked {
		return nil, errors.New("another process writes this file; stop it, or write to another one")
	}
	if err := s.recover(f); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return s, nil
}

// recover learns the ids and brings the file to whole lines.
func (s *Sink) recover(r io.Reader) error {
	in := newScanner(r)
	for {
		line, err := in.next()
		if err == io.EOF {
			s.size = in.start
			return nil
		}
		if err != nil {
			return err
		}
		id, err := idOf(line)
		switch {
		case err == nil && in.ended:
			s.ids.add(short(id))
		case err == nil: // whole, but for the line break
			s.ids.add(short(id))
			s.size = in.start + int64(len(line))
			if _, err := s.file.WriteAt([]byte("\n"), s.size); err != nil {
				return err
			}
			s.size++
			return nil
		case !in.ended && torn(line):
			s.size, s.cut = in.start, int64(len(line))
			return s.file.Truncate(s.size)
		default:
			return fmt.Errorf("line %d: %w; mend the line, or move the file away", in.number, err)
		}
	}
}

// Cut is how many bytes of a torn last line were cut off on opening, 0 as a rule.
func (s *Sink) Cut() int64 { return s.cut }

// Write implements sinks.Sink. Records whose id the file holds are left out.
func (s *Sink) Write(ctx context.Context, batch []frame.Embedding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(ctx, batch); err != nil {
		return fmt.Errorf("writing embeddings to %s: %w", s.path, err)
	}
	return nil
}

func (s *Sink) write(ctx context.Context, batch []frame.Embedding) error {
	switch {
	case s.closed:
		return sinks.ErrClosed
	case s.err != nil:
		return s.err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if err := sinks.Check(batch); err != nil {
		return err
	}
	s.buf.Reset()
	lines := json.NewEncoder(&s.buf)
	added := map[key]bool{}
	var order []key
	for _, e := range batch {
		k := short(e.ID)
		if added[k] || s.ids.has(k) {
			continue
		}
		added[k] = true
		order = append(order, k)
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("embedding %s: %w", e.ID, err)
		}
	}
	if _, err := s.file.WriteAt(s.buf.Bytes(), s.size); err != nil {
		if back := s.file.Truncate(s.size); back != nil {
			s.err = fmt.Errorf("%w, and it cannot be cut back to whole lines: %w", err, back)
			return s.err
		}
		return err
	}
	s.size += int64(s.buf.Len())
	for _, k := range order {
		s.ids.add(k)
	}
	return nil
}

// Flush implements sinks.Flusher: what was written survives a power cut.
func (s *Sink) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("flushing %s: %w", s.path, sinks.ErrClosed)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("flushing %s: %w", s.path, err)
	}
	return nil
}

// Close implements sinks.Sink; it flushes.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := errors.Join(s.file.Sync(), s.file.Close(), s.lock.Close()); err != nil {
		return fmt.Errorf("closing %s: %w", s.path, err)
	}
	return nil
}
