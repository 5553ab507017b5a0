package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/metrics"
)

const (
	firstSave = 10 * time.Minute // how long a run may take to its first two checkpoints before it counts as stuck
	leastSave = 30 * time.Second // and how old its last one may be in any case
	usualOf   = 8                // intervals that "usual" is the mean of
	lateBy    = 2                // times the usual interval that the last checkpoint may be old
)

// saves knows when checkpoints came.
type saves struct {
	now func() time.Time

	mu        sync.Mutex
	began     time.Time
	last      time.Time // zero: none
	bytes     int64
	step      uint64
	intervals []time.Duration // the newest usualOf
}

func newSaves() *saves { return &saves{now: time.Now, began: time.Now()} }

// recall takes the checkpoint that a resumed run goes on from.
func (s *saves) recall(path string) {
	info, err := os.Stat(path)
	if err != nil {
		return // there is none
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.bytes = info.ModTime(), sizeOf(path)
	_, _ = fmt.Sscanf(filepath.Base(path), "step-%d", &s.step) // of another name, the step is told with the next one
}

// add notes a checkpoint that was just written.
func (s *saves) add(path string, step uint64) {
	size, now := sizeOf(path), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if from := s.last; from.After(s.began) {
		s.intervals = append(s.intervals, now.Sub(from))
		s.intervals = s.intervals[max(0, len(s.intervals)-usualOf):]
	}
	s.last, s.bytes, s.step = now, size, step
}

// usual is the mean of the newest intervals, 0 where there are none.
func (s *saves) usual() time.Duration {
	sum := time.Duration(0)
	for _, d := range s.intervals {
		sum += d
	}
	return sum / time.Duration(max(1, len(s.intervals)))
}

// ready checks that checkpoints still come.
func (s *saves) ready() metrics.Check {
	return metrics.Check{Name: "checkpoint", Do: func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		now, usual := s.now(), s.usual()
		age := now.Sub(s.last).Round(time.Second)
		switch {
		case usual > 0 && age > max(lateBy*usual, leastSave):
			return fmt.Errorf("the last one is %v old, they used to come every %v", age, usual.Round(time.Millisecond))
		case usual == 0 && now.Sub(s.began) > firstSave && s.last.IsZero():
			return fmt.Errorf("there is none yet, after %v", now.Sub(s.began).Round(time.Second))
		case usual == 0 && now.Sub(s.began) > firstSave && age > firstSave:
			return fmt.Errorf("the last one is %v old, and none came after it", age)
		}
		return nil
	}}
}

func (s *saves) put(put metrics.Put) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		return
	}
	put("checkpoint_age_seconds", max(0, s.now().Sub(s.last).Seconds()))
	put("checkpoint_bytes", float64(s.bytes))
	put("checkpoint_step", float64(s.step))
}

// sizeOf is how many bytes lie in a folder. What cannot be read counts nothing: it is only told.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n
}
