package objective

import (
	"fmt"
	"io"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
)

// Objective is one thing a network is trained for. Its graphs want one operating-system thread (see
// package model).
type Objective interface {
	// Paint makes what the objective looks at in a step from the frames drawn. False: they do not hold
	// what it takes (no clip is long enough yet, say), and the objective sits this step out.
	Paint(s *sampler.Sampler, d *sampler.Draw) bool
	// Learn computes the loss of what was painted and hands out the gradient of every parameter that it moves, each
	// once, when nothing in Learn reads the parameter any more: add may move it. The memory is valid during the call.
	Learn(step uint64, add func(param int, grad []float32)) (Told, error)
	// Settle is called once the optimiser has taken the step: banks take the new keys.
	Settle(step uint64)
	// State lists what a checkpoint must hold beside the network's weights, in a fixed order.
	State() []Part
	// Show is what was painted last and, where Learn has run on it, what the network answered.
	Show(rows int) []Row
	// Close frees the graphs' machines.
	Close() error
}

// Aged is an objective that keeps a bank.
type Aged interface {
	// Age is how many steps ago the oldest key was made, see Told.BankAge.
	Age(step uint64) uint64
}

// Part is one file of a checkpoint.
type Part struct {
	Name  string // of the file, without the objective's name
	Write func(io.Writer) error
	Read  func(r io.Reader, size int64) error
}

// Row is one example as a person sees it.
type Row struct {
	Title    string
	Pictures []Picture
}

// Picture is a normalised picture (Size, Size, 3) with a few words under it.
type Picture struct {
	Pix     []float32
	Size    int
	Caption string
}

// Told is what an objective tells of a step.
type Told struct {
	Name   string
	Weight float32
	Silent bool // it sat the step out, and the rest means nothing
	Loss   float32
	// Accuracy is the share of questions it answered right, and Chance what guessing gets. Chance is 0
	// where there is nothing to be right about.
	Accuracy, Chance float32
	Rows             int  // questions behind Accuracy
	Contrastive      bool // Contrast means something
	loss.Contrast
	Projection []float32 // what the loss saw, (rows, Dim); the next step overwrites it
	Dim        int
	BankAge    uint64 // steps since the oldest key of its bank was made; 0 where it has no bank, or an empty one
}

// Needs is what objectives are built for beside their own configuration.
type Needs struct {
	Model       model.Spec // the encoder; New adds the heads
	Batch       int        // anchors a step
	Projection  int        // width of what contrastive losses see
	Hidden      int        // of projectors; 0: as wide as the embedding
	KeyMomentum float32    // of momentum encoders
	Bank        int        // keys
	MaxAge      uint64     // steps a key is used as a negative; 0: until it is overwritten
	Sampler     sampler.Config
	Seed        seed.Seed // of everything the objectives draw
}

// far is the smallest gap of a negative from the anchor's own rig.
func (n Needs) far() time.Duration { return n.Sampler.Far }

// Heads are the heads of a list of objectives.
func Heads(list []Config, n Needs) []model.Head {
	var heads []model.Head
	for _, c := range list {
		c = c.WithDefaults()
		heads = append(heads, kinds[c.Kind].heads(c, n)...)
	}
	return heads
}

// Rows is how many anchors a step of these objectives draws.
func Rows(list []Config, batch int) int {
	most := 1
	for _, c := range list {
		most = max(most, c.WithDefaults().Accumulate)
	}
	return most * batch
}

// Frames is how long the clips of these objectives are; 0: none needs clips.
func Frames(list []Config) int {
	most := 0
	for _, c := range list {
		if c = c.WithDefaults(); kinds[c.Kind].clips {
			most = max(most, c.Frames)
		}
	}
	return most
}

// New builds an objective over live weights that have its heads.
func New(c Config, n Needs, w *model.Weights) (Objective, error) {
	c = c.WithDefaults()
	k, ok := kinds[c.Kind]
	if !ok {
		return nil, fmt.Errorf("building objective %s: kind %q is unknown", c.Name, c.Kind)
	}
	n.Seed = n.Seed.At(c.Name)
	o, err := k.build(c, n, w)
	if err != nil {
		return nil, fmt.Errorf("building objective %s: %w", c.Name, err)
	}
	return o, nil
}
