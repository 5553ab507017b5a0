package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nearfar/nearfar/streams/frame"
)

// A replay writes down what it is about to send, and what it has sent, among the dead letters themselves: what
// was sent twice, and what may have been when a replay died, is then known to whoever replays next, on any
// machine, for as long as the letters are kept.
const (
	markHeader = "dlq.mark"
	markBegun  = "replaying"
	markDone   = "replayed"
	markKey    = "nearfar.replay" // one key, one partition: marks have an order
)

// mark is the value of such a message.
type mark struct {
	Replay string        `json:"replay"`         // of which of several that may go on at once
	IDs    []string      `json:"ids"`            // of letters
	Ends   map[int]int64 `json:"ends,omitempty"` // of the topic of frames, before anything was sent

	kind string
	ref  frame.Ref
	at   time.Time
}

// parseMark reads a mark; false where the message is none.
func parseMark(m frame.Message) (mark, bool) {
	kind, ok := m.Header(markHeader)
	if !ok || kind != markBegun && kind != markDone || string(m.Key) != markKey {
		return mark{}, false
	}
	out := mark{kind: kind, ref: m.Ref, at: m.Time}
	return out, json.Unmarshal(m.Value, &out) == nil
}

// write puts the mark among the letters.
func (k mark) write(ctx context.Context, w *Writer) error {
	value, err := json.Marshal(k)
	if err == nil {
		err = w.Write(ctx, frame.Message{Key: []byte(markKey), Value: value, Headers: []frame.Header{{Key: markHeader, Value: []byte(k.kind)}}})
	}
	if err != nil {
		return fmt.Errorf("noting what is replayed: %w", err)
	}
	return nil
}
