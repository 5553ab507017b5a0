package online

import (
	"log/slog"

	"github.com/nearfar/nearfar/internal/picture/decoder"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sinks"
	"github.com/nearfar/nearfar/streams/topic"
)

// Options are what a run needs besides its settings.
type Options struct {
	Kafka     topic.Config
	Frames    string // topic
	MaxBytes  int    // of the largest message
	Settings  train.Settings
	Dir       string        // of checkpoints
	Resume    string        // checkpoint to go on from; "" begins
	From      map[int]int64 // first offset of the run, in partitions that the checkpoint has no position in; missing: the first there is
	Sinks     []sinks.Sink
	Unsent    string               // file that keeps embeddings the sinks did not take
	Journal   string               // file that keeps in which order messages came since the last checkpoint; "": none does
	Steps     uint64               // stop after so many steps; 0: never
	MaxFrames uint64               // stop after so many frames; 0: never
	MaxLag    int64                // frames behind from which on due steps are forgone; 0: never
	Over      <-chan struct{}      // closed once nobody writes frames any more: what is in the topic is learned, then the run ends
	Decoders  int                  // frames decoded at once
	Decode    decoder.Decode       // nil: picture.Decode, in this process
	Computes  func() (over func()) // called before learning computes on all its cores, over after it; may be nil
	Meter     *Meter
	Lag       func(int64) // told now and then how many frames are in the topic and not yet trained on
	Saved     func(path string, step uint64)
	Account   func(Account)                // told after every message how the books stand; may be nil
	Unsaved   func(step uint64, err error) // a checkpoint could not be written, and Settings.GoOn says to go on; may be nil
	Best      bool                         // keep the checkpoint with the best running accuracy, too
	Hold      Hold                         // being the one trainer of the run; nil: there are no others
	Log       *slog.Logger
}

// Result is how a run ended.
type Result struct {
	Counts     train.Counts
	Sampled    any           // the sampler's own counts
	Checkpoint string        // the last one
	Positions  map[int]int64 // next offset of each partition of the frames topic
	Finished   bool          // the stream is over; otherwise the run can go on from the checkpoint
	Enough     bool          // the steps or frames that were asked for are taken
}
