package train

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams"
	"github.com/nearfar/nearfar/streams/frame"
)

// Counts account for every frame that was handed over.
type Counts struct {
	Received     uint64 // frames handed to Receive
	DeadLettered uint64 // frames reported to Skip
	Lost         uint64 // frames that were gone before they could be read
	Trained      uint64 // frames the sampler took in
	Late         uint64 // frames older than what the merge had already let through
	Repeated     uint64 // frames that lay in the log once more, and were passed over
	Embedded     uint64
	Steps        uint64
	Forgone      uint64 // steps that were due and not taken, to keep up with the feed
	Undone       uint64 // steps that were taken back, see Setback
	Halvings     uint64 // of the learning rate
}

// Report is what one step told.
type Report struct {
	Step uint64
	LR   float32
	Told []objective.Told // by objective; the next step overwrites it
}

// Loss is the weighted sum of the objectives' losses.
func (r Report) Loss() float64 {
	sum := 0.0
	for _, t := range r.Told {
		if !t.Silent {
			sum += float64(t.Weight) * float64(t.Loss)
		}
	}
	return sum
}

// Outputs are where a trainer's results go. Each may be nil.
type Outputs struct {
	Embeddings func([]frame.Embedding) error
	Flush      func() error         // makes the embeddings lasting, before a checkpoint says that their frames are done
	Begin      func()               // a step begins: what it takes is for others to measure, the trainer looks at no clock
	Computes   func() (over func()) // called before a step, or the embedding of a batch, computes on all its cores; over after it
	Step       func(Report)
	Setback    func(Setback)
	Checkpoint func(path string, step uint64)
	Unsaved    func(step uint64, err error)    // a checkpoint could not be written, and Settings.GoOn says to go on
	Score      func() (score float64, ok bool) // how good the published weights are, where it was measured; the best checkpoint is kept
	Epoch      uint64                          // which of the run's trainers this is, counted by who lends the right to train; written into checkpoints
}

// Trainer learns from a stream of frames. It is not safe for concurrent use.
type Trainer struct {
	set       Settings
	dir       string // of checkpoints; "" keeps none
	disk      disk
	out       Outputs
	learner   *Learner
	sampler   *sampler.Sampler
	merge     map[string]*streams.Merger[*frame.Frame] // by rig: only cameras of one rig wait for each other
	embedder  *embedder
	draw      sampler.Draw
	positions map[int]int64 // next offset of each partition of the frames topic
	counts    Counts
	repeats   repeats
	heard     map[string]uint64 // by rig: frames received when its last came
	saved     uint64            // step of the last checkpoint
	milestone milestone
	hurry     bool
}

// New is a trainer at the beginning of its run.
func New(set Settings, dir string, out Outputs) (*Trainer, error) {
	learner, err := NewLearner(set)
	if err != nil {
		return nil, err
	}
	embedder, err := newEmbedder(set, learner.query, out.computes)
	if err != nil {
		return nil, err
	}
	t := &Trainer{set: set, dir: dir, disk: realDisk{}, out: out, learner: learner, embedder: embedder,
		sampler: sampler.New(set.Sampler, samplerSeed(set.Seed)), draw: sampler.Draw{N: learner.Rows()}, positions: map[int]int64{},
		merge: map[string]*streams.Merger[*frame.Frame]{}, repeats: repeats{}, heard: map[string]uint64{}}
	if err := learner.mark(&t.milestone); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// samplerSeed is where the sampler's choices are drawn from.
func samplerSeed(root uint64) seed.Seed { return seed.New(root).At("sampler") }

// merger orders the cameras of a rig by capture time. A camera by itself has no one to wait for.
func (t *Trainer) merger(f *frame.Frame) *streams.Merger[*frame.Frame] {
	if m, ok := t.merge[f.Rig]; ok {
		return m
	}
	set := t.set.Merge
	if f.Rig == f.Camera {
		set.Lateness, set.Idle = 0, 0
	} else {
		// A lane that never speaks holds the first frames back for Idle, until all cameras have shown up.
		set.Lanes = append(slices.Clone(set.Lanes), "")
	}
	m := streams.NewMerger(set,
		func(f *frame.Frame) string { return f.Camera },
		func(f *frame.Frame) time.Time { return f.Captured },
		func(f *frame.Frame) time.Time { return f.Logged },
		func(*frame.Frame) { t.counts.Late++ })
	t.merge[f.Rig] = m
	return m
}

// Receive takes the next frame of the log, decoded to the training size.
func (t *Trainer) Receive(f *frame.Frame) error {
	t.counts.Received++
	t.positions[f.Ref.Partition] = f.Ref.Offset + 1
	if t.counts.Received%forgetEvery == 0 {
		if err := t.forget(); err != nil {
			return err
		}
	}
	if t.repeats.again(f.Meta, t.counts.Received) {
		t.counts.Repeated++
		return nil
	}
	t.heard[f.Rig] = t.counts.Received
	if err := t.merger(f).Push(f, t.admit); err != nil {
		return err
	}
	return t.checkpointIfDue()
}

// forgetAfter is how many frames of others come before a silent rig or camera is forgotten, so that a topic in which
// strangers write under ever new names stays bounded; forgetEvery is how many come between two looks for such.
const forgetAfter, forgetEvery = 1 << 16, 1 << 14

// forget lets nothing wait any longer in rigs that have been silent for long, and knows nothing more of cameras that were.
func (t *Trainer) forget() error {
	maps.DeleteFunc(t.repeats, func(_ string, s *sights) bool { return t.counts.Received-s.Heard > forgetAfter })
	for _, rig := range slices.Sorted(maps.Keys(t.merge)) {
		if t.counts.Received-t.heard[rig] <= forgetAfter {
			continue
		}
		if err := t.merge[rig].Flush(t.admit); err != nil {
			return err
		}
		delete(t.merge, rig)
		delete(t.heard, rig)
	}
	return nil
}

// Skip notes that the frame at ref went to the dead letters.
func (t *Trainer) Skip(ref frame.Ref) {
	t.counts.DeadLettered++
	t.positions[ref.Partition] = ref.Offset + 1
}

// Lose notes that n frames of the log were gone before they could be read.
func (t *Trainer) Lose(n uint64) { t.counts.Lost += n }

// admit takes a frame in event-time order: it is embedded, sampled and learned from.
func (t *Trainer) admit(f *frame.Frame) error {
	if err := t.embedder.push(f, t.publish); err != nil {
		return err
	}
	t.sampler.Push(f)
	t.counts.Trained++
	return t.learn()
}

// Hurry says whether the trainer is too far behind the feed: the steps that fall due are then forgone, while
// every frame is still sampled and embedded. Which steps are forgone depends on the machine: a run that
// hurries is not reproducible from its log.
func (t *Trainer) Hurry(behind bool) { t.hurry = behind }

// learn takes the steps that the sampler says are due.
func (t *Trainer) learn() error {
	if t.hurry {
		t.counts.Forgone += t.sampler.Forgo()
	}
	for t.sampler.Due() {
		if drawn, err := t.stepOnce(); err != nil || !drawn {
			return err
		}
	}
	return nil
}

// stepOnce takes a step, if there is anything to draw.
func (t *Trainer) stepOnce() (drawn bool, err error) {
	if t.out.Begin != nil {
		t.out.Begin()
	}
	if !t.sampler.Draw(t.learner.step, &t.draw) {
		return false, nil
	}
	rate := t.learner.rate()
	t.learner.Paint(t.sampler, &t.draw)
	over := t.out.computes()
	told, err := t.learner.Learn()
	over()
	if errors.Is(err, ErrDiverged) {
		return true, t.goBack(err)
	}
	if err == nil {
		err = t.learner.Tell(t.sampler, &t.draw)
	}
	if err != nil {
		return true, err
	}
	t.counts.Steps = t.learner.step
	if t.out.Step != nil {
		t.out.Step(Report{Step: t.learner.step, LR: rate, Told: told})
	}
	return true, nil
}

// computes tells whoever wants to know that this computes on all its cores until it is over.
func (o *Outputs) computes() (over func()) {
	if o.Computes == nil {
		return func() {}
	}
	return o.Computes()
}

// publish hands embeddings on.
func (t *Trainer) publish(es []frame.Embedding) error {
	t.counts.Embedded += uint64(len(es))
	if t.out.Embeddings == nil {
		return nil
	}
	if err := t.out.Embeddings(es); err != nil {
		return fmt.Errorf("publishing %d embeddings: %w", len(es), err)
	}
	return nil
}

// checkpointIfDue saves and publishes a model version every so many steps. It runs between frames, where
// the merge holds nothing half-handed-over.
func (t *Trainer) checkpointIfDue() error {
	if t.set.Every == 0 || t.learner.step/t.set.Every == t.saved/t.set.Every {
		return nil
	}
	err := t.learner.mark(&t.milestone)
	if err == nil {
		err = t.Checkpoint()
	}
	var unsaved *unsavedError
	if t.set.GoOn && errors.As(err, &unsaved) {
		t.saved = t.learner.step // the next one is due in its own time
		if t.out.Unsaved != nil {
			t.out.Unsaved(t.learner.step, err)
		}
		return nil
	}
	return err
}

// unsavedError is why a checkpoint could not be written. The ones before it are as they were.
type unsavedError struct {
	step uint64
	dir  string
	err  error
}

func (e *unsavedError) Error() string {
	return fmt.Sprintf("saving the checkpoint of step %d in %s: %v (earlier checkpoints are intact: mend the disk and start the run again, and it goes on from the newest)", e.step, e.dir, e.err)
}

func (e *unsavedError) Unwrap() error { return e.err }

// Checkpoint embeds what waits with the old weights, saves everything and publishes the new weights. Where they
// cannot be saved the old ones stay published: a model version names weights that exist.
func (t *Trainer) Checkpoint() error {
	if err := t.embedder.flush(t.publish); err != nil {
		return err
	}
	if t.out.Flush != nil {
		if err := t.out.Flush(); err != nil {
			return fmt.Errorf("making embeddings lasting before the checkpoint of step %d: %w", t.learner.step, err)
		}
	}
	path := ""
	if t.dir != "" {
		var err error
		if path, err = t.save(); err != nil {
			return &unsavedError{t.learner.step, t.dir, err}
		}
	}
	t.embedder.adopt(t.learner.query, t.set.version(t.learner.step))
	t.saved = t.learner.step
	if path != "" && t.out.Checkpoint != nil {
		t.out.Checkpoint(path, t.learner.step)
	}
	return nil
}

// Finish is the end of the stream: what waits for later frames no longer waits. It ends with a checkpoint.
func (t *Trainer) Finish() error {
	for _, rig := range slices.Sorted(maps.Keys(t.merge)) {
		if err := t.merge[rig].Flush(t.admit); err != nil {
			return err
		}
	}
	t.sampler.Flush()
	err := t.learn()
	if err == nil {
		err = t.learner.mark(&t.milestone)
	}
	if err != nil {
		return err
	}
	return t.Checkpoint()
}

// Weights are the network that learns: they change with every step.
func (t *Trainer) Weights() *model.Weights { return t.learner.query }

// Positions are the next offsets to read, by partition.
func (t *Trainer) Positions() map[int]int64 { return t.positions }

// Counts are the accounts so far.
func (t *Trainer) Counts() Counts { return t.counts }

// Sampler gives the sampler's own counts.
func (t *Trainer) Sampler() sampler.Counts { return t.sampler.Counts() }

// Close frees the graphs' machines.
func (t *Trainer) Close() error { return errors.Join(t.learner.Close(), t.embedder.network.Close()) }
