package spool

import (
	"context"
	"errors"
	"time"

	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/streams/frame"
)

// together is how many embeddings are sent at once.
const together = 64

// send gives the sink what waits, oldest first, until ctx ends.
func (s *Spool) send(ctx context.Context) {
	for {
		select {
		case <-s.news:
		case <-ctx.Done():
			return
		}
		for s.next(ctx) {
		}
	}
}

// next sends the oldest file, and tries again until the sink has all of it; false: nothing waits, or ctx ended.
func (s *Spool) next(ctx context.Context) bool {
	oldest, err := s.oldest()
	if oldest == nil && err == nil {
		return false
	}
	done := 0 // embeddings of the file that the sink has
	for began := true; ; began = false {
		if err == nil {
			err = s.sendFile(ctx, oldest, &done)
		}
		if err == nil {
			err = s.drop(oldest)
		}
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		s.mu.Lock()
		s.away = err
		s.mu.Unlock()
		if began {
			s.opt.Log.Warn("embeddings wait for their sink", "in", s.dir, "err", err)
		}
		select {
		case <-time.After(s.opt.Retry):
		case <-ctx.Done():
			return false
		}
		if oldest, err = s.oldest(); oldest == nil && err == nil {
			return false
		}
	}
}

// oldest is the file to send next, sealed, so that what comes meanwhile goes into another.
func (s *Spool) oldest() (*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 0 {
		return nil, nil
	}
	return s.files[0], s.files[0].seal()
}

// sendFile sends what a file holds behind the first done embeddings.
func (s *Spool) sendFile(ctx context.Context, f *segment, done *int) error {
	var batch []frame.Embedding
	flush := func() error {
		patient, cancel := context.WithTimeout(ctx, s.opt.Patience)
		defer cancel()
		if len(batch) > 0 {
			if err := s.sink.Write(patient, batch); err != nil {
				return err
			}
		}
		*done += len(batch)
		batch = nil
		return nil
	}
	n := 0
	for e, err := range files.Read(f.path) {
		if errors.Is(err, files.ErrTorn) { // it was never promised
			break
		}
		if err != nil {
			return err
		}
		if n++; n <= *done {
			continue
		}
		if batch = append(batch, e); len(batch) == together {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// drop forgets a file that the sink has.
func (s *Spool) drop(f *segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f.remove(); err != nil {
		return err
	}
	s.files, s.away = s.files[1:], nil
	if len(s.files) == 0 {
		s.opt.Log.Info("the sink has everything that waited", "in", s.dir)
	}
	return nil
}
