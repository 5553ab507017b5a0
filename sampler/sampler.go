package sampler

import (
	"math"
	"runtime"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// Sampler turns a stream of frames into draws of pairs.
type Sampler struct {
	cfg  Config
	seed seed.Seed

	rigs   map[string]*rig // time passes in each rig by itself
	replay replay
	taken  int64 // steps taken or forgone
	counts Counts

	nearest []*frame.Frame // scratch of partners
	painter painter
}

// Counts account for every frame pushed:
// Pushed = IllFormed + Disordered + Frozen + Alone + Admitted + Waiting.
type Counts struct {
	Pushed     uint64 `json:"pushed"`
	IllFormed  uint64 `json:"ill_formed"` // pixels that do not fit the size
	Disordered uint64 `json:"disordered"` // captured before a frame of the same rig that was pushed earlier
	Frozen     uint64 `json:"frozen"`     // the very picture before it
	Alone      uint64 `json:"alone"`      // without any positive
	Admitted   uint64 `json:"admitted"`   // to the replay buffer
	Waiting    uint64 `json:"waiting"`    // for their neighbours

	Scenes       uint64 `json:"scenes"`        // begun
	Hurried      uint64 `json:"hurried"`       // settled before all neighbours were known: Limit is too small
	ViewsFound   uint64 `json:"views_found"`   // frames kept as another view of an anchor
	ViewsRefused uint64 `json:"views_refused"` // cameras whose closest frame was near an anchor but further than skew

	Clips      uint64 `json:"clips"`       // anchors that have a clip
	ClipsShort uint64 `json:"clips_short"` // anchors that have none, because the scene was too short or a frame was missing

	Temporal uint64 `json:"temporal"` // rows of draws that paired frames of one camera
	Views    uint64 `json:"views"`    // rows of draws that paired two cameras
}

// New is a sampler that has seen nothing. The configuration must have passed Check.
func New(cfg Config, s seed.Seed) *Sampler {
	return &Sampler{cfg: cfg, seed: s, rigs: map[string]*rig{}, replay: newReplay(cfg, s.At("replay")),
		painter: newPainter(min(runtime.GOMAXPROCS(0), 8))}
}

// Push takes the next frame, decoded, of any size; frames of one rig come in order of
// capture across its cameras; rigs may run ahead of each other. The
// frame is kept by pointer and must not change. What cannot be used is counted, see Counts. A frame that lies further
// back than Gap begins its rig anew: no pair reaches over a clock that was set back.
func (s *Sampler) Push(f *frame.Frame) {
	s.counts.Pushed++
	if f.Check() != nil {
		s.counts.IllFormed++
		return
	}
	r := s.rig(f.Rig)
	switch back := r.now.Sub(f.Captured); {
	case back > s.cfg.Gap: // the clock was set back: what was seen by it before is another scene, whatever its time
		s.begin(r)
	case back > 0:
		s.counts.Disordered++
		return
	}
	r.now = f.Captured
	if scene, frozen := s.follow(r, f); frozen {
		s.counts.Frozen++
	} else {
		r.window = append(r.window, moment{f, scene})
	}
	s.settle(r)
}

// Flush is the end of the stream: waiting frames no longer wait for neighbours. What is pushed after it begins other
// scenes, of whatever time.
func (s *Sampler) Flush() {
	for _, name := range s.rigNames() {
		s.begin(s.rigs[name])
	}
}

// begin lets nothing that was seen of a rig meet what is still to come.
func (s *Sampler) begin(r *rig) {
	s.settleAll(r)
	*r = rig{tracks: map[string]track{}, pushed: r.pushed}
}

// admit hands an anchor to the replay buffer. Steps that fall due before the first batch is possible are
// forgone, or the run would begin with many steps on the same few frames.
func (s *Sampler) admit(a *anchor) {
	ready := s.ready()
	s.replay.add(a)
	if !ready {
		s.taken = s.owed()
	}
	s.counts.Admitted++
}

// ready says whether a batch can be drawn.
func (s *Sampler) ready() bool { return len(s.replay.kept) >= min(s.cfg.Batch, s.replay.size) }

// owed are the steps that the frames so far are worth.
func (s *Sampler) owed() int64 {
	return int64(math.Floor(float64(s.counts.Admitted) * s.cfg.UpdatesPerFrame))
}

// Due says whether a step is due: UpdatesPerFrame steps are for each admitted frame, counted from the
// first possible batch, and every successful Draw takes one. It is a function of the frames pushed and the
// draws taken, so that a replayed log trains at the same moments.
func (s *Sampler) Due() bool { return s.ready() && s.owed() > s.taken }

// Forgo gives up the steps that are due and says how many they were.
func (s *Sampler) Forgo() uint64 {
	if !s.Due() {
		return 0
	}
	n := s.owed() - s.taken
	s.taken += n
	return uint64(n)
}

// Counts are the accounts so far.
func (s *Sampler) Counts() Counts {
	c := s.counts
	for _, r := range s.rigs {
		c.Waiting += uint64(len(r.window) - r.waiting)
	}
	return c
}
