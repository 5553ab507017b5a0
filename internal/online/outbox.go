package online

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/sinks/files"
	"github.com/nearfar/nearfar/streams/frame"
	"github.com/nearfar/nearfar/streams/topic"
)

// outbox hands embeddings to the sinks. What they do not take is kept in a file, so that the trainer can
// finish the frame it is at and save: the checkpoint says that the frames were embedded, and the file that
// their embeddings still have to be sent. The next life of the run sends them first.
type outbox struct {
	sinks sinks.Sink
	path  string // of what was not sent
	hold  Hold
	err   error // why sending stopped
}

func newOutbox(all []sinks.Sink, path string, hold Hold) *outbox {
	return &outbox{sinks: sinks.All(all...), path: path, hold: hold}
}

// send returns nil once the embeddings are in every sink, or kept: then err says why. Those of a trainer that
// another one has replaced are neither.
func (b *outbox) send(es []frame.Embedding) error {
	if err := sinks.Check(es); err != nil { // no sink will ever take them
		return err
	}
	if b.err == nil {
		if b.err = b.hold.Check(context.Background()); b.err == nil {
			b.err = b.sinks.Write(context.Background(), es)
		}
		if b.err == nil || errors.Is(b.err, topic.ErrFenced) {
			return b.err
		}
	}
	f, err := files.Open(b.path)
	if err == nil {
		err = errors.Join(f.Write(context.Background(), es), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%w; nor can they be kept for the next start: %w", b.err, err)
	}
	return nil
}

// recall sends what an earlier life could not.
func (b *outbox) recall() error {
	var kept []frame.Embedding
	for e, err := range files.Read(b.path) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil && !errors.Is(err, files.ErrTorn): // a torn one was not promised: no checkpoint is behind it
			return err
		case err == nil:
			kept = append(kept, e)
		}
	}
	if err := b.sinks.Write(context.Background(), kept); err != nil {
		return fmt.Errorf("sending %d embeddings that could not be sent before (%s): %w", len(kept), b.path, err)
	}
	return os.Remove(b.path)
}
