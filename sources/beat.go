package sources

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"
)

// Reasons for which frames are dropped before Kafka has acknowledged them.
const (
	DroppedSlow    = "kafka slow"      // a live camera, and the queue was full
	DroppedPaused  = "paused"          // a live camera, while it was told to pause
	DroppedRefused = "kafka refused"   // larger than the topic allows
	DroppedStopped = "stopped"         // still queued when the time for draining was over
	DroppedDied    = "capture process" // captured by a live camera's process that died before Kafka had them
)

// Beat is what a capture process says of itself: one JSON line on its stdout, at least two per second. Counts
// are of this process's life; once it has ended properly, Captured = Acked + the sum of Dropped.
type Beat struct {
	Camera     string            `json:"camera"`
	From       uint64            `json:"from"`              // the number its first frame has
	Captured   uint64            `json:"captured"`          // frames the source gave
	Acked      uint64            `json:"acked"`             // frames Kafka acknowledged
	Dropped    map[string]uint64 `json:"dropped,omitempty"` // frames lost, by reason
	Counts     map[string]uint64 `json:"counts,omitempty"`  // frames that were sent but look wrong, files that could not be read
	Reconnects uint64            `json:"reconnects,omitempty"`
	Last       time.Time         `json:"last,omitzero"` // when the last frame was captured, wall clock
	Paused     bool              `json:"paused,omitempty"`
	Ended      bool              `json:"ended,omitempty"` // the source came to its end and Kafka has every frame
	Err        string            `json:"err,omitempty"`   // what is wrong, without credentials
	Fatal      bool              `json:"fatal,omitempty"` // with Err: trying again will not cure it
}

// Lost is the sum of Dropped.
func (b Beat) Lost() (n uint64) {
	for _, k := range b.Dropped {
		n += k
	}
	return n
}

// plus adds a later life's counts to those of the lives before it.
func (b Beat) plus(later Beat) Beat {
	sum := later
	sum.From = b.From
	sum.Captured += b.Captured
	sum.Acked += b.Acked
	sum.Reconnects += b.Reconnects
	sum.Dropped, sum.Counts = addCounts(b.Dropped, later.Dropped), addCounts(b.Counts, later.Counts)
	if sum.Last.IsZero() {
		sum.Last = b.Last
	}
	return sum
}

func addCounts(a, b map[string]uint64) map[string]uint64 {
	if len(a) == 0 {
		return maps.Clone(b)
	}
	sum := maps.Clone(a)
	for k, n := range b {
		sum[k] += n
	}
	return sum
}

// write puts the beat on its line.
func (b Beat) write(w io.Writer) error {
	line, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("writing a beat of %s: %w", b.Camera, err)
	}
	if _, err = w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing a beat of %s: %w", b.Camera, err)
	}
	return nil
}

// fail adds an error to a beat.
func (b Beat) fail(err error) Beat {
	b.Err, b.Fatal = Redact(err.Error()), errors.Is(err, ErrUnusable)
	return b
}

// ReportFailure tells the supervisor why a capture process ends before it could Serve.
func ReportFailure(stdout io.Writer, camera string, err error) error {
	return Beat{Camera: camera}.fail(err).write(stdout)
}
