// Package spool keeps embeddings on the disk while their sink is away, so that who makes them goes on, and sends
// them in order once it is back.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/durable"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/frame"
)

// ErrFull says that a sink has been away for longer than the spool has room.
var ErrFull = errors.New("the spool is full")

// Options of a Spool; every zero but MaxBytes has a default.
type Options struct {
	MaxBytes int64         // on the disk; required
	Patience time.Duration // how long a sink may take before it counts as away (2s)
	Retry    time.Duration // between two tries while it is away (500ms)
	Settle   time.Duration // how long Close still tries to send what waits (2s)
	Log      *slog.Logger  // none
}

func (o Options) withDefaults() Options {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.Patience, 2*time.Second)
	set(&o.Retry, 500*time.Millisecond)
	set(&o.Settle, 2*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Spool is a sink before a sink. A batch goes straight through while the sink takes it; after the first that it
// does not, batches are kept in files in the order they came, and sent by and by. Each arrives at least once: a
// process that dies while it sends a file sends that file again.
type Spool struct {
	sink sinks.Sink
	dir  string
	opt  Options

	lasting func(dir string) error // makes the names in a folder survive a power cut

	writing sync.Mutex // one batch after another
	mu      sync.Mutex
	files   []*segment // what waits, oldest first; the last one may still be written
	closed  bool
	away    error // why the sink did not take the last batch it was given

	stop    context.CancelFunc
	news    chan struct{} // something waits
	sending sync.WaitGroup
}

var (
	_ sinks.Sink    = (*Spool)(nil)
	_ sinks.Flusher = (*Spool)(nil)
)

// Open takes over sink and keeps what it does not take in dir, which is made when it is first needed. What an
// earlier process left there is sent first.
func Open(sink sinks.Sink, dir string, o Options) (*Spool, error) {
	if o.MaxBytes <= 0 {
		return nil, fmt.Errorf("keeping embeddings in %s: %d bytes are no room", dir, o.MaxBytes)
	}
	s := &Spool{sink: sink, dir: dir, opt: o.withDefaults(), lasting: durable.SyncDir, news: make(chan struct{}, 1)}
	var err error
	if s.files, err = segments(dir); err != nil {
		return nil, fmt.Errorf("keeping embeddings in %s: %w", dir, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.sending.Go(func() { s.send(ctx) })
	s.wake()
	return s, nil
}

// Write implements sinks.Sink. It returns nil once the sink or the disk has the batch; where neither has room, an
// ErrFull that says why the sink is away.
func (s *Spool) Write(ctx context.Context, batch []frame.Embedding) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := sinks.Check(batch); err != nil {
		return err
	}
	s.mu.Lock()
	waiting, closed := len(s.files) > 0, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("keeping embeddings in %s: %w", s.dir, sinks.ErrClosed)
	case ctx.Err() != nil:
		return ctx.Err()
	case len(batch) == 0:
		return nil
	case !waiting:
		if s.through(ctx, batch) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.opt.Log.Warn("a sink takes no embeddings; they wait on the disk until it does", "in", s.dir, "room", s.opt.MaxBytes, "err", s.trouble())
	}
	return s.keep(batch)
}

// through hands a batch straight to the sink.
func (s *Spool) through(ctx context.Context, batch []frame.Embedding) bool {
	patient, cancel := context.WithTimeout(ctx, s.opt.Patience)
	defer cancel()
	err := s.sink.Write(patient, batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
	return err == nil
}

// keep appends a batch to the newest file.
func (s *Spool) keep(batch []frame.Embedding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size := s.bytes(); size >= s.opt.MaxBytes {
		return fmt.Errorf("%w: %d bytes of embeddings wait in %s, and its limit (sinks[].spool) is %d: %w", ErrFull, size, s.dir, s.opt.MaxBytes, s.away)
	}
	last := len(s.files) - 1
	if last < 0 || s.files[last].sealed || s.files[last].size >= s.opt.MaxBytes/parts {
		next, err := s.begin()
		if err != nil {
			return fmt.Errorf("keeping %d embeddings in %s: %w", len(batch), s.dir, err)
		}
		s.files = append(s.files, next)
		last++
	}
	if err := s.files[last].append(batch); err != nil {
		return fmt.Errorf("keeping %d embeddings in %s: %w", len(batch), s.dir, err)
	}
	s.wake()
	return nil
}

// begin seals the newest file and makes the next. The lock is held.
func (s *Spool) begin() (*segment, error) {
	number := 1
	if n := len(s.files); n > 0 {
		if err := s.files[n-1].seal(); err != nil {
			return nil, err
		}
		number = s.files[n-1].number + 1
	}
	if err := s.mkdir(); err != nil {
		return nil, err
	}
	return create(filepath.Join(s.dir, fmt.Sprintf(pattern, number)), number)
}

// mkdir makes the folder, in a way that survives a power cut: what is to be promised lies in it.
func (s *Spool) mkdir() error {
	var changed []string // folders with a new name in them
	for dir := s.dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		changed = append(changed, filepath.Dir(dir))
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	for _, dir := range changed {
		if err := s.lasting(dir); err != nil {
			return err
		}
	}
	return nil
}

// Bytes is how much waits on the disk.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes()
}

func (s *Spool) bytes() (n int64) {
	for _, f := range s.files {
		n += f.size
	}
	return n
}

func (s *Spool) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// Flush implements sinks.Flusher: what was written survives a power cut, here or there.
func (s *Spool) Flush() error {
	s.mu.Lock()
	var err error
	if n := len(s.files); n > 0 {
		err = s.files[n-1].flush()
	}
	s.mu.Unlock()
	if f, ok := s.sink.(sinks.Flusher); ok {
		err = errors.Join(err, f.Flush())
	}
	return err
}

// Settle returns nil once nothing waits any more. When ctx ends first, the error says what waits and why.
func (s *Spool) Settle(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		n, away := s.bytes(), s.away
		waiting := len(s.files) > 0
		s.mu.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if away == nil {
				away = context.Cause(ctx)
			}
			return fmt.Errorf("%d bytes of embeddings wait in %s for their sink: %w", n, s.dir, away)
		}
	}
}

// Close implements sinks.Sink. What the sink does not take soon stays on the disk for the next Open.
func (s *Spool) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	soon, cancel := context.WithTimeout(context.Background(), s.opt.Settle)
	defer cancel()
	if err := s.Settle(soon); err != nil {
		s.opt.Log.Warn("embeddings wait for the next start", "err", err)
	}
	s.stop()
	s.sending.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if n := len(s.files); n > 0 {
		err = s.files[n-1].seal()
	}
	return errors.Join(err, s.sink.Close())
}

// wake tells the sender that something waits.
func (s *Spool) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}
