package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/nearfar/nearfar/internal/metrics"
	"github.com/nearfar/nearfar/internal/online"
)

// books are the accounts of a trainer, as the metrics read them while it works: the summary is made of the same.
type books struct {
	account  atomic.Pointer[online.Account]
	saves    *saves
	collapse *online.Collapse
}

func (b *books) take(a online.Account) { b.account.Store(&a) }

// openBooks begins the accounts of this life.
func (s *session) openBooks() {
	c := s.cfg.Train.Collapse
	s.books.saves = newSaves()
	s.books.saves.recall(s.resume)
	s.books.collapse = &online.Collapse{Std: c.Std, Rank: c.Rank, After: c.After, Dim: s.set.Model.Width(), Log: s.log}
}

// keep writes how the run stands into metrics.jsonl, and raises the alarm where it stands badly.
func (s *session) keep() error {
	status := s.meter.Status(s.lag())
	s.books.collapse.Look(status)
	return s.run.Metrics(status)
}

// ready is what must be so for a run to do its work.
func (s *session) ready() []metrics.Check {
	checks := []metrics.Check{kafkaReady(s.cfg.Kafka), s.books.saves.ready()}
	if s.feed != nil {
		checks = append(checks, s.feed.ready())
	}
	return checks
}

// put tells everything of a run.
func (s *session) put(put metrics.Put) {
	putBuild(put)
	if s.feed != nil {
		s.feed.put(put, s.ledger.tallies())
	}
	put("consumer_lag", float64(s.lag()))
	if a := s.books.account.Load(); a != nil {
		putAccount(put, *a)
	}
	s.putStatus(put)
	s.books.saves.put(put)
	size := int64(0)
	if info, err := os.Stat(s.unsent()); err == nil {
		size = info.Size()
	}
	put("sink_queue_bytes", float64(size), "unsent")
	for name, waiting := range s.spools {
		put("sink_queue_bytes", float64(waiting.Bytes()), name)
	}
}

// unsent is the file that keeps what the sinks did not take.
func (s *session) unsent() string { return filepath.Join(s.run.Path, "unsent.jsonl") }

// tallies are what became of each camera's frames, over all lives of the run.
func (l *ledger) tallies() map[string]tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.book.Cameras)
}

// putAccount tells what a trainer has done. Dead letters of earlier lives are known by their number only.
func putAccount(put metrics.Put, a online.Account) {
	c := a.Counts
	put("frames_dropped_total", float64(c.Late), "merge", "late")
	put("frames_dropped_total", float64(c.Repeated), "merge", "repeated")
	put("frames_lost_gap_total", float64(c.Lost))
	put("stale_messages_total", float64(a.Stale))
	put("readers_rebuilt_total", float64(a.Rebuilt))
	put("frames_trained_total", float64(c.Trained))
	put("frames_embedded_total", float64(c.Embedded))
	put("train_steps_total", float64(c.Steps))
	put("train_steps_forgone_total", float64(c.Forgone))
	put("train_steps_undone_total", float64(c.Undone))
	put("learning_rate_halvings_total", float64(c.Halvings))
	put("cameras_frozen", float64(a.Frozen))
	for outcome, n := range map[string]uint64{
		"admitted": a.Sampled.Admitted, "frozen": a.Sampled.Frozen, "alone": a.Sampled.Alone,
		"disordered": a.Sampled.Disordered, "ill_formed": a.Sampled.IllFormed,
	} {
		put("frames_sampled_total", float64(n), outcome)
	}
	if earlier := c.DeadLettered - putDead(put, a.Dead); earlier > 0 {
		put("dlq_total", float64(earlier), "earlier", "before this start")
	}
}

// putDead tells of dead letters and counts them.
func putDead(put metrics.Put, dead map[online.Grave]uint64) (sum uint64) {
	for g, n := range dead {
		put("dlq_total", float64(n), g.Stage, g.Reason)
		sum += n
	}
	return sum
}

// putStatus tells what is being learned, once there is something.
func (s *session) putStatus(put metrics.Put) {
	st := s.meter.Last()
	put("embedding_collapsed", truth(s.books.collapse.Now()))
	if st.Step > 0 {
		put("loss", st.Loss)
		put("learning_rate", st.LR)
		put("train_step_seconds", st.StepSeconds)
	}
	for _, o := range st.Objectives {
		if o.BankAge > 0 {
			put("bank_age_steps", float64(o.BankAge), o.Name)
		}
	}
	if st.EffectiveRank > 0 {
		put("embedding_std", st.EmbeddingStd)
		put("embedding_effective_rank", st.EffectiveRank)
	}
	if st.KNNSamples > 0 {
		put("knn_probe", st.KNN)
	}
}

// embedBooks are the accounts of an embed worker.
type embedBooks struct {
	result atomic.Pointer[online.EmbedResult]
}

func (b *embedBooks) take(r online.EmbedResult) { b.result.Store(&r) }

func (b *embedBooks) put(put metrics.Put) {
	putBuild(put)
	r := b.result.Load()
	if r == nil {
		return
	}
	put("frames_embedded_total", float64(r.Embedded))
	put("frames_lost_gap_total", float64(r.Lost))
	put("stale_messages_total", float64(r.Stale))
	put("readers_rebuilt_total", float64(r.Rebuilt))
	put("consumer_lag", float64(r.Lag))
	putDead(put, r.Dead)
}

// ready checks that there is a model to embed with.
func (b *embedBooks) ready() metrics.Check {
	return metrics.Check{Name: "model", Do: func(context.Context) error {
		if r := b.result.Load(); r == nil || r.Version == "" {
			return errors.New("there is no checkpoint to embed with yet")
		}
		return nil
	}}
}
