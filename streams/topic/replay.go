package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// Outcome is what a replay did with a letter.
type Outcome string

// The outcomes.
const (
	Sent      Outcome = "sent" // now
	WouldSend Outcome = "would send"
	Already   Outcome = "already replayed" // by an earlier replay
	Duplicate Outcome = "same as another"  // two letters of one message
	Unknown   Outcome = "may be replayed"  // by a replay that died, and what it sent since is gone: not sent
)

// ErrReplaying says that another replay of the same letters goes on, or died a moment ago.
var ErrReplaying = errors.New("another replay of these letters is under way, or broke off a moment ago: try again in a minute or two")

// replayBatch is how many letters are marked, sent, and marked as sent together.
const replayBatch = 50

// Replayer sends dead letters back to the topic they came from, each at most once, whoever tries and however
// often: see mark. Clocks of machines that replay the same letters must agree to within a minute.
type Replayer struct {
	cfg             Config
	letters, frames string
	maxBytes        int // of a frame's message
	name            string
	now             func() time.Time
	pace            func(Letter) error // before each is sent; tests break off there
}

// NewReplayer sends from the topic letters to the topic frames, whose largest message has maxBytes. name tells
// this replay from others.
func NewReplayer(cfg Config, letters, frames string, maxBytes int, name string) *Replayer {
	return &Replayer{cfg: cfg, letters: letters, frames: frames, maxBytes: maxBytes, name: name, now: time.Now, pace: func(Letter) error { return nil }}
}

// lease is how long a batch may take from its mark to its last message: half of it to begin to send, the rest
// for what is on its way. Older marks are those of the dead.
func (r *Replayer) lease() time.Duration {
	return time.Minute + 2*max(r.cfg.Timeout, Defaults().Timeout)
}

// Letters reads all dead letters, and which of them were replayed.
func (r *Replayer) Letters(ctx context.Context, fn func(l Letter, replayed bool) error) error {
	s, err := r.survey(ctx)
	if err != nil {
		return err
	}
	return r.each(ctx, func(l Letter) error { return fn(l, s.done[l.ID()]) })
}

func (r *Replayer) each(ctx context.Context, fn func(Letter) error) error {
	return Each(ctx, r.cfg, r.letters, nil, r.maxBytes+deadRoom, func(m frame.Message) error {
		if l, ok := ParseLetter(m); ok {
			return fn(l)
		}
		return nil
	})
}

// Replay sends the letters that are wanted, in their order, and tells what became of each. A dry one sends
// nothing. After an error it may be called again: what was sent is not sent again.
func (r *Replayer) Replay(ctx context.Context, want func(Letter) bool, dry bool, tell func(Letter, Outcome)) error {
	s, err := r.survey(ctx)
	if err != nil {
		return err
	}
	if err := r.settle(ctx, s, dry); err != nil {
		return err
	}
	seen := map[string]bool{}
	var batch []Letter
	bytes := 0
	flush := func() error {
		sent, err := r.send(ctx, s, batch)
		for _, l := range sent {
			tell(l, Sent)
		}
		batch, bytes = nil, 0
		return err
	}
	err = r.each(ctx, func(l Letter) error {
		id := l.ID()
		switch {
		case !want(l):
			return nil
		case seen[id]:
			tell(l, Duplicate)
			return nil
		}
		seen[id] = true
		_, begun := s.begun[id]
		switch {
		case s.done[id]:
			tell(l, Already)
		case s.unknown[id]:
			tell(l, Unknown)
		case begun:
			return ErrReplaying
		case dry:
			tell(l, WouldSend)
		default:
			batch = append(batch, l)
			if bytes += len(l.Original.Value); len(batch) == replayBatch || bytes > 16<<20 {
				return flush()
			}
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return err
}

// send marks a batch, sends it, and marks it as sent. It returns what certainly was sent.
func (r *Replayer) send(ctx context.Context, s *survey, batch []Letter) (sent []Letter, err error) {
	marks, err := NewWriter(r.cfg, r.letters, WriterOptions{MaxBytes: r.maxBytes + overhead + deadRoom})
	if err != nil {
		return nil, err
	}
	defer marks.Close()
	w, err := NewWriter(r.cfg, r.frames, WriterOptions{MaxBytes: r.maxBytes + deadRoom, Once: true})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := r.claim(ctx, s, marks, batch); err != nil {
		return nil, err
	}
	until := r.now().Add(r.lease() / 2)
	for _, l := range batch {
		if err = r.pace(l); err != nil {
			break
		}
		if r.now().After(until) {
			err = fmt.Errorf("%s is too slow to replay %d letters within %v", r.frames, len(batch), r.lease()/2)
			break
		}
		if err = w.Write(ctx, l.again()); err != nil {
			err = fmt.Errorf("sending %s again: %w (whether it arrived is found out by the next replay)", l.From, err)
			break
		}
		sent = append(sent, l)
	}
	if len(sent) == 0 {
		return nil, err
	}
	done := mark{Replay: r.name, kind: markDone}
	for _, l := range sent {
		done.IDs = append(done.IDs, l.ID())
	}
	return sent, errors.Join(err, done.write(context.WithoutCancel(ctx), marks))
}

// claim marks the batch as begun. Of two replays that mark the same letter, the one whose mark comes first
// sends it, and the other one gives up.
func (r *Replayer) claim(ctx context.Context, s *survey, marks *Writer, batch []Letter) error {
	bounds, err := Bounds(ctx, r.cfg, r.frames)
	if err != nil {
		return err
	}
	begun := mark{Replay: r.name, kind: markBegun, Ends: map[int]int64{}}
	for id, b := range bounds {
		begun.Ends[id] = b.Next
	}
	mine := map[string]bool{}
	for _, l := range batch {
		begun.IDs = append(begun.IDs, l.ID())
		mine[l.ID()] = true
	}
	if err := begun.write(ctx, marks); err != nil {
		return err
	}
	first := true // until my own mark comes
	return Each(ctx, r.cfg, r.letters, s.ends, r.maxBytes+deadRoom, func(m frame.Message) error {
		k, ok := parseMark(m)
		if !ok || !first {
			return nil
		}
		if k.Replay == r.name {
			first = k.kind != markBegun || !mine[k.IDs[0]]
			return nil
		}
		for _, id := range k.IDs {
			if mine[id] {
				return ErrReplaying
			}
		}
		return nil
	})
}
