package online

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nearfar/nearfar/sinks/spool"
)

// spooled puts a spool of so many bytes before a sink, in the folder of the options.
func spooled(t *testing.T, o *Options, sink *memory, room int64) *spool.Spool {
	t.Helper()
	s, err := spool.Open(sink, filepath.Join(filepath.Dir(o.Dir), "spool"), spool.Options{MaxBytes: room, Retry: time.Millisecond, Settle: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	o.Sinks[0] = s
	return s
}

func (m *memory) set(left int) { m.mu.Lock(); defer m.mu.Unlock(); m.left = left }

func TestFaultTrainingGoesOnWhileASinkIsAway(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 200)
	sink.left, sink.err = 2, errors.New("nobody answers")
	o := l.options(t, sink)
	s := spooled(t, &o, sink, 1<<20)
	var waited int64
	o.Account = func(a Account) {
		if a.Counts.Trained >= 150 && waited == 0 { // long after the sink has gone: 16 embeddings had arrived
			waited = s.Bytes()
			sink.set(-1)
		}
	}
	result, err := Learn(t.Context(), o)
	if err != nil || !result.Finished || result.Counts.Trained != 200 || waited == 0 {
		t.Fatalf("%+v, %v; %d bytes waited", result, err, waited)
	}
	if len(sink.held) != 200 || s.Bytes() != 0 {
		t.Errorf("%d embeddings arrived of 200, %d bytes wait still", len(sink.held), s.Bytes())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// resumed goes on with a run of 60 frames, whose sink is back, and holds it to having lost nothing.
func resumed(t *testing.T, o Options, sink *memory, checkpoint string) {
	t.Helper()
	sink.left = -1
	o.Resume, o.Kafka.Timeout = checkpoint, 10*time.Second
	s := spooled(t, &o, sink, 1<<20)
	result, err := Learn(t.Context(), o)
	if err != nil || !result.Finished || result.Counts.Trained != 60 || len(sink.held) != 60 {
		t.Errorf("mended: %+v, %v, %d embeddings", result, err, len(sink.held))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultARunWhoseSinkStaysAwayEndsSavedAndSendsLater(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 60)
	sink.left, sink.err = 2, errors.New("nobody answers")
	o := l.options(t, sink)
	o.Kafka.Timeout = 200 * time.Millisecond // how long it waits for the sink in the end
	s := spooled(t, &o, sink, 1<<20)
	result, err := Learn(t.Context(), o)
	if !errors.Is(err, sink.err) || !strings.Contains(err.Error(), "start it again") || result.Finished || result.Counts.Trained != 60 {
		t.Fatalf("%+v, %v", result, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	resumed(t, o, sink, result.Checkpoint)
}

func TestFaultARunWhoseSpoolIsFullEndsSavedAndLosesNothing(t *testing.T) {
	l, sink := newLog(t), newMemory()
	l.add(t, 60)
	sink.left, sink.err = 2, errors.New("nobody answers")
	o := l.options(t, sink)
	s := spooled(t, &o, sink, 4<<10)
	result, err := Learn(t.Context(), o)
	if !errors.Is(err, spool.ErrFull) || !errors.Is(err, sink.err) || result.Finished || result.Checkpoint == "" {
		t.Fatalf("%+v, %v", result, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	resumed(t, o, sink, result.Checkpoint)
}
