package topic

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/nearfar/nearfar/streams/frame"
)

// Headers that Send adds to the original's, in this order and behind them.
const (
	letterStage     = "dlq.stage"
	letterReason    = "dlq.reason"
	letterError     = "dlq.error"
	letterTopic     = "dlq.topic"
	letterPartition = "dlq.partition"
	letterOffset    = "dlq.offset"
)

func letterHeaders() []string {
	return []string{letterStage, letterReason, letterError, letterTopic, letterPartition, letterOffset}
}

// HeaderReplayed is on a message that came out of the dead letters; it says which letter it was (Letter.ID).
const HeaderReplayed = "nearfar_replayed_from"

// Letter is a dead letter as it lies in its topic.
type Letter struct {
	Place                frame.Ref     // among the dead letters
	Stage, Reason, Error string        // why it is there
	From                 frame.Ref     // where the original lay
	Original             frame.Message // the original's key, value and headers; Time is when the letter was sent
}

// ParseLetter reads a dead letter; false where the message is none: a mark of a replay, or somebody else's.
func ParseLetter(m frame.Message) (Letter, bool) {
	names := letterHeaders()
	at := len(m.Headers) - len(names)
	if at < 0 {
		return Letter{}, false
	}
	var values [6]string
	for i, h := range m.Headers[at:] {
		if h.Key != names[i] {
			return Letter{}, false
		}
		values[i] = string(h.Value)
	}
	partition, err := strconv.Atoi(values[4])
	offset, offsetErr := strconv.ParseInt(values[5], 10, 64)
	if err != nil || offsetErr != nil {
		return Letter{}, false
	}
	l := Letter{Place: m.Ref, Stage: values[0], Reason: values[1], Error: values[2],
		From: frame.Ref{Topic: values[3], Partition: partition, Offset: offset}, Original: m}
	l.Original.Ref, l.Original.Headers = l.From, slices.Clone(m.Headers[:at])
	return l, true
}

// ID names the original: its place, and the beginning of its hash, since a topic that was made anew counts from
// 0 again. A message that was buried twice (by a trainer and an embed worker, or by a trainer that was killed)
// lies in two letters of the same ID.
func (l Letter) ID() string {
	hash := sha256.Sum256(l.Original.Value)
	return l.From.String() + "#" + hex.EncodeToString(hash[:6])
}

// again is the original as it is sent once more.
func (l Letter) again() frame.Message {
	m := frame.Message{Key: l.Original.Key, Value: l.Original.Value}
	for _, h := range l.Original.Headers {
		if h.Key != HeaderReplayed { // of an earlier replay, that ended among the dead letters too
			m.Headers = append(m.Headers, h)
		}
	}
	m.Headers = append(m.Headers, frame.Header{Key: HeaderReplayed, Value: []byte(l.ID())})
	return m
}
