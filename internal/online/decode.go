package online

import (
	"context"
	"errors"
	"fmt"

	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/streams/frame"
)

// decoded is the item with the picture of its message, or with what is wrong with it: that travels on, since order
// matters. The error wraps decoder.ErrNoDecoder and says nothing of the picture.
func (it item) decoded(decode decoder.Decode, size int) (item, error) {
	e, err := frame.Parse(it.message)
	if err != nil {
		it.stage, it.err = "parse", err
		return it, nil
	}
	it.frame, err = decode(e, size)
	switch {
	case errors.Is(err, decoder.ErrNoDecoder):
		return it, err
	case err != nil:
		it.stage, it.err = "decode", err
	}
	return it, nil
}

// decode leaves words between the stages as they are. Without a decoder the run ends where this message lies.
func (r *run) decode(_ context.Context, it item) (item, error) {
	if it.err != nil {
		return it, nil
	}
	it, err := it.decoded(r.o.Decode, r.o.Settings.Sampler.Image)
	if err != nil {
		it.err = broken{err}
	}
	return it, nil
}

// bury sends a message that is no frame to the dead letters, so that it is neither lost nor in the way.
func (r *run) bury(ctx context.Context, it item) error {
	r.o.Log.Warn("a message is no frame and went to the dead letters", "topic", it.message.Ref.Topic,
		"partition", it.message.Ref.Partition, "offset", it.message.Ref.Offset, "stage", it.stage, "err", it.err)
	if err := r.letters.Send(ctx, it.message, it.stage, reason(it.err), it.err); err != nil {
		return fmt.Errorf("sending %s to the dead letters: %w", it.message.Ref, err)
	}
	r.graves.add(it.stage, reason(it.err))
	return nil
}

// reason is why a message is no frame, in a word or two that metrics can count.
func reason(err error) string {
	switch {
	case errors.Is(err, frame.ErrCorrupt):
		return "corrupt"
	case errors.Is(err, frame.ErrNotPicture):
		return "not a picture"
	case errors.Is(err, decoder.ErrCrashed):
		return "kills its decoder"
	}
	return "undecodable"
}
