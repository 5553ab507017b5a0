package topic

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/sinkstest"
	"github.com/nearfar/nearfar/streams/frame"
)

// log is a topic in memory. compacted keeps the first place and the last value of each key, as Kafka's reader sees a
// compacted topic of equal values.
type log struct {
	mu        sync.Mutex
	messages  []frame.Message
	calls     int
	closes    int
	err       error
	compacted bool
}

func (l *log) Write(ctx context.Context, messages ...frame.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.err != nil {
		return l.err
	}
	l.messages = append(l.messages, messages...)
	return nil
}

func (l *log) Close() error { l.closes++; return nil }

func (l *log) Open(*testing.T) sinks.Sink { return New(l, "embeddings") }

func (l *log) Contents(t *testing.T) (all []frame.Embedding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range l.messages {
		if l.compacted && seen[string(m.Key)] {
			continue
		}
		seen[string(m.Key)] = true
		var e frame.Embedding
		if err := json.Unmarshal(m.Value, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestConformance(t *testing.T) {
	sinkstest.Run(t, sinkstest.Features{}, func(*testing.T) sinkstest.Place { return &log{} })
}

func TestConformanceOnACompactedTopic(t *testing.T) {
	sinkstest.Run(t, sinkstest.Features{Upserts: true}, func(*testing.T) sinkstest.Place { return &log{compacted: true} })
}

func TestABatchIsOneCallWithTheIDsAsKeys(t *testing.T) {
	var l log
	batch := sinkstest.Make(0, 5, 4)
	if err := l.Open(t).Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if l.calls != 1 || len(l.messages) != 5 {
		t.Fatalf("%d calls, %d messages", l.calls, len(l.messages))
	}
	for i, m := range l.messages {
		kind, _ := m.Header("ce_type")
		model, _ := m.Header("ce_model")
		if string(m.Key) != batch[i].ID || kind != frame.TypeEmbedding || model != "run@100" {
			t.Errorf("message %d: key %s, %s, %s", i, m.Key, kind, model)
		}
	}
}

func TestAFailureNamesTheTopicAndCanBeTriedAgain(t *testing.T) {
	down := errors.New("broker is down")
	l := log{err: down}
	s, batch := l.Open(t), sinkstest.Make(0, 2, 4)
	if err := s.Write(t.Context(), batch); !errors.Is(err, down) || !strings.Contains(err.Error(), "topic embeddings") {
		t.Errorf("got %v", err)
	}
	l.err = nil
	if err := s.Write(t.Context(), batch); err != nil || len(l.messages) != 2 {
		t.Errorf("again: %v, %d messages", err, len(l.messages))
	}
}

func TestTheWriterIsClosedOnce(t *testing.T) {
	var l log
	s := l.Open(t)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if l.closes != 1 {
		t.Errorf("closed %d times", l.closes)
	}
}
