package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/online"
	"github.com/nearfar/nearfar/streams/topic"
)

// runSummary is the end of run.json: what became of every frame, and what was learned.
type runSummary struct {
	Took         string            `json:"took"` // this life
	Captured     uint64            `json:"captured"`
	Acknowledged uint64            `json:"acknowledged"`
	Dropped      map[string]uint64 `json:"dropped"` // before Kafka acknowledged them, by reason
	InTopic      uint64            `json:"in_topic"`
	Trained      uint64            `json:"trained"`
	DeadLettered uint64            `json:"dead_lettered"`
	Late         uint64            `json:"late"`     // came after the merge had moved on
	Repeated     uint64            `json:"repeated"` // lay in the topic once more
	Lost         uint64            `json:"lost"`     // deleted by retention before they were read
	Unread       uint64            `json:"unread"`   // still in the topic, for the next start
	Others       uint64            `json:"others"`   // of those in the topic, captured by somebody else
	Waiting      uint64            `json:"waiting"`  // read, and held back by the merge for the next start
	Embedded     uint64            `json:"embedded"`
	Steps        uint64            `json:"steps"`
	Forgone      uint64            `json:"forgone"`            // steps not taken, to keep up with the feed
	Undone       uint64            `json:"undone,omitempty"`   // steps taken back, because a loss was no number any more
	Halvings     uint64            `json:"halvings,omitempty"` // of the learning rate, for that
	Sampled      any               `json:"sampled"`
	Status       online.Status     `json:"status"`
	Scores       []look.Score      `json:"scores,omitempty"` // of the demo, on views that were never streamed
}

// finish accounts for everything, writes it to run.json and tells it.
func (s *session) finish(ctx context.Context, r online.Result) error {
	sum, err := s.summarise(ctx, r)
	if err != nil {
		return err
	}
	var sheets []string
	if s.demo && (r.Finished || r.Enough) && r.Checkpoint != "" {
		if sum.Scores, sheets, err = s.showDemo(ctx, r.Checkpoint); err != nil {
			return fmt.Errorf("scoring what was learned: %w", err)
		}
	}
	if r.Finished || r.Enough {
		ended := now()
		s.run.Record.Ended = &ended
	}
	s.run.Record.Summary = sum
	if err := s.run.Save(); err != nil {
		return err
	}
	s.tellSummary(s.textOut(), r, sum, sheets)
	if gap := sum.gap(); gap != 0 {
		return fmt.Errorf("%d frames are unaccounted for: this is a fault in nearfar, please report it with %s", gap, filepath.Join(s.run.Path, "run.json"))
	}
	return nil
}

// summarise counts every frame once, over all lives of the run.
func (s *session) summarise(ctx context.Context, r online.Result) (runSummary, error) {
	c := r.Counts
	out := runSummary{Took: time.Since(s.started).Round(100 * time.Millisecond).String(), Dropped: map[string]uint64{},
		Trained: c.Trained, DeadLettered: c.DeadLettered, Late: c.Late, Repeated: c.Repeated, Lost: c.Lost, Embedded: c.Embedded, Steps: c.Steps, Forgone: c.Forgone, Undone: c.Undone, Halvings: c.Halvings,
		Sampled: r.Sampled, Status: s.meter.Last()}
	bounds, err := topic.Bounds(context.WithoutCancel(ctx), s.cfg.Kafka.Config, s.cfg.Kafka.Frames)
	if err != nil {
		return out, err
	}
	if err := s.ledger.end(s.totals(), bounds); err != nil {
		return out, err
	}
	all := s.ledger.sum()
	out.Captured, out.Acknowledged, out.Others = all.Captured, all.Acked, s.ledger.book.Others
	for reason, n := range all.Dropped {
		out.Dropped[reason] = n
	}
	out.InTopic = s.ledger.inTopic(bounds)
	out.Waiting = c.Received - c.Trained - c.Late - c.Repeated
	for partition, b := range bounds {
		out.Unread += uint64(b.Next - max(r.Positions[partition], s.ledger.book.First[partition]))
	}
	return out, nil
}

// gap is how many frames are in no account: in the topic, or captured and neither there nor dropped. It is 0.
func (s runSummary) gap() int64 {
	topic := int64(s.InTopic) - int64(s.Trained+s.Late+s.Repeated+s.DeadLettered+s.Lost+s.Waiting+s.Unread)
	captured := int64(s.Captured) - int64(s.Acknowledged+total(s.Dropped))
	return max(topic, -topic) + max(captured, -captured)
}

// textOut is where people read: standard output, unless embeddings go there.
func (s *session) textOut() io.Writer {
	for _, c := range s.cfg.Sinks {
		if c.Kind == "stdout" {
			return s.app.err
		}
	}
	return s.app.out
}

// tellSummary says to a person how the run went.
func (s *session) tellSummary(w io.Writer, r online.Result, sum runSummary, sheets []string) {
	state := "is complete"
	switch {
	case r.Enough:
		state = "has taken all it was told to"
	case !r.Finished:
		state = "is interrupted; start it again to go on"
	}
	fmt.Fprintf(w, "\nRun %s %s (%s).\n\n", s.run.Record.ID, state, sum.Took)
	if s.feed != nil {
		fmt.Fprintf(w, "  captured    %d frames of %s: %d acknowledged by Kafka, %d dropped%s\n",
			sum.Captured, count(len(s.feed.Cameras), "camera"), sum.Acknowledged, total(sum.Dropped), reasons(sum.Dropped))
	}
	repeated := ""
	if sum.Repeated > 0 {
		repeated = fmt.Sprintf(" + %d repeated", sum.Repeated)
	}
	fmt.Fprintf(w, "  in Kafka    %d frames = %d trained + %d late%s + %d dead letters + %d lost to retention + %d for the next start\n",
		sum.InTopic, sum.Trained, sum.Late, repeated, sum.DeadLettered, sum.Lost, sum.Waiting+sum.Unread)
	st := sum.Status
	fmt.Fprintf(w, "  learned     %d steps; loss %s\n", sum.Steps, losses(st))
	if sum.Halvings > 0 {
		fmt.Fprintf(w, "  setbacks    the loss was no number %s: %d steps were taken back, and the learning rate is 1/%d of train.lr\n",
			count(int(sum.Halvings), "time"), sum.Undone, 1<<sum.Halvings)
	}
	fmt.Fprintf(w, "  embeddings  %d written (topic %s", sum.Embedded, s.cfg.Kafka.Embeddings)
	for _, c := range s.cfg.Sinks {
		if c.Kind == "files" {
			path := c.Path
			if path == "" {
				path = filepath.Join(s.run.Path, "embeddings.jsonl")
			}
			fmt.Fprintf(w, ", file %s", path)
		}
	}
	fmt.Fprintf(w, "); std·√d %.2f, effective rank %.0f\n", st.EmbeddingStd*sqrt(s.set.Model.Width()), st.EffectiveRank)
	if st.KNNSamples > 0 {
		fmt.Fprintf(w, "  labels      %.0f%% of the last %d labelled frames were recognised from earlier visits, as the encoder saw them then (never used in training)\n", 100*st.KNN, st.KNNSamples)
	}
	fmt.Fprintf(w, "  checkpoint  %s\n", r.Checkpoint)
	if len(sum.Scores) > 0 {
		s.tellDemo(w, sum.Scores, sheets)
	}
}

func total(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// tellDemo says what the demo has learned.
func (s *session) tellDemo(w io.Writer, scores []look.Score, sheets []string) {
	fmt.Fprintf(w, "\nDid it learn to see? Objects in views, poses and light that were never streamed,\nrecognised from a few known pictures of each:\n\n")
	printScores(w, scores)
	slices.Sort(sheets)
	for _, path := range sheets {
		fmt.Fprintf(w, "\nLook at %s: each row is such a view and the nearest frames in the memory bank.\n", path)
	}
	fmt.Fprintf(w, "\nNext: bin/nearfar run --source your-clip.mp4 --source rtsp://camera/stream --out runs/mine\n")
}
