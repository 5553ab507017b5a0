package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/nearfar/nearfar/internal/resident"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/sampler"
)

// ErrDiverged says that a loss, a gradient or a weight is no longer a number.
var ErrDiverged = errors.New("the loss is not a number any more; lower train.lr or raise the temperature of the objective")

// Learner takes one step at a time: every objective computes its loss on graphs of its own over the same
// encoder, their gradients are added up by weight, and one optimiser moves all of it. Its graphs want one
// operating-system thread (see package model).
type Learner struct {
	set        Settings
	step       uint64 // steps taken
	halvings   uint64 // of the learning rate
	query      *model.Weights
	optimizer  model.Optimizer
	objectives []objective.Objective
	names      []string // of the objectives
	weights    []float32
	painted    []bool // by Paint, for Learn
	told       []objective.Told

	features *model.Inference // of anchors, where the replay buffer asks for them

	moved  []bool      // by parameter: in the step in progress
	finite bool        // all that has moved in it
	grads  [][]float32 // by parameter, where several objectives move it; nil: none has in this step
	sums   [][]float32 // memory for grads
}

// NewLearner draws weights from the seed and builds the graphs.
func NewLearner(set Settings) (*Learner, error) {
	if len(set.Objectives) == 0 {
		return nil, errors.New("building a learner: there is no objective to learn from")
	}
	query, err := model.NewWeights(set.Spec(), untrained(set.Seed))
	if err != nil {
		return nil, err
	}
	query.Precision = set.Precision
	n := len(set.Objectives)
	l := &Learner{set: set, query: query, painted: make([]bool, n), told: make([]objective.Told, n),
		moved: make([]bool, len(query.Params)), grads: make([][]float32, len(query.Params)), sums: make([][]float32, len(query.Params))}
	if l.optimizer, err = model.NewOptimizer(set.Optimizer, query.Params); err != nil {
		return nil, err
	}
	for _, c := range set.Objectives {
		o, err := objective.New(c, set.Needs(), query)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		c = c.WithDefaults()
		l.objectives, l.names, l.weights = append(l.objectives, o), append(l.names, c.Name), append(l.weights, float32(c.Weight))
	}
	if set.Sampler.Replay.Policy == sampler.ReplayMinRed {
		if l.features, err = model.NewInference(query, l.Rows(), kernel.Eval); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	resident.Shed() // building is over, a long life begins
	return l, nil
}

// Rows is how many anchors a step draws.
func (l *Learner) Rows() int { return objective.Rows(l.set.Objectives, l.set.Sampler.Batch) }

// Paint shows the objectives the frames of a step.
func (l *Learner) Paint(s *sampler.Sampler, d *sampler.Draw) {
	for i, o := range l.objectives {
		l.painted[i] = o.Paint(s, d)
	}
}

// Learn takes a step on what was painted and returns what each objective told, which the next step
// overwrites. After ErrDiverged nothing of the learner is to be trusted: running statistics may have taken in what
// is no number before a loss did.
func (l *Learner) Learn() ([]objective.Told, error) {
	clear(l.grads)
	clear(l.moved)
	l.finite = true
	l.optimizer.Begin()
	for i, o := range l.objectives {
		l.told[i] = objective.Told{Name: l.names[i], Weight: l.weights[i], Silent: true}
		if !l.painted[i] {
			continue
		}
		told, err := o.Learn(l.step, func(param int, grad []float32) { l.add(param, grad, l.weights[i]) })
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", l.step, err)
		}
		if aged, ok := o.(objective.Aged); ok {
			told.BankAge = aged.Age(l.step)
		}
		if l.told[i] = told; !told.Silent && bad(float64(told.Loss)) {
			return l.told, fmt.Errorf("step %d, objective %s: %w", l.step, l.names[i], ErrDiverged)
		}
	}
	for param, grad := range l.grads {
		if grad != nil {
			l.move(param, grad)
		}
	}
	if !l.finite || bad(kernel.SumSquares(l.query.StatArena)) {
		return l.told, fmt.Errorf("step %d, weights: %w", l.step, ErrDiverged)
	}
	for i, o := range l.objectives {
		if l.painted[i] {
			o.Settle(l.step)
		}
	}
	l.step++
	return l.told, nil
}

// Tell lets the sampler know what the anchors of a step look like to the encoder now, where its replay buffer
// goes by that: minimum redundancy keeps what looks least alike. It follows Learn.
func (l *Learner) Tell(s *sampler.Sampler, d *sampler.Draw) error {
	if l.features == nil {
		return nil
	}
	px := 3 * l.set.Model.Image * l.set.Model.Image
	for i, f := range d.Anchor {
		sampler.Plain(l.features.Input()[i*px:(i+1)*px], f, l.set.Model.Image)
	}
	vectors, err := l.features.Run()
	if err != nil {
		return fmt.Errorf("step %d: looking at its anchors: %w", l.step, err)
	}
	s.Learned(d, vectors, l.set.Model.Width())
	return nil
}

// add takes a weighted gradient of a parameter. That of the only objective, at weight 1, moves it at once, in the cache and in
// no memory of its own: most runs have one objective.
func (l *Learner) add(param int, grad []float32, weight float32) {
	if weight == 1 && len(l.objectives) == 1 {
		l.move(param, grad)
		return
	}
	if l.sums[param] == nil {
		l.sums[param] = make([]float32, len(grad))
	}
	if l.grads[param] == nil {
		clear(l.sums[param])
		l.grads[param] = l.sums[param]
	}
	kernel.Axpy(l.sums[param], grad, weight)
}

// move takes the optimiser's step for a parameter.
func (l *Learner) move(param int, grad []float32) {
	if l.moved[param] {
		panic(fmt.Sprintf("train: %s is moved twice in a step", l.query.Params[param].Name))
	}
	l.moved[param] = true
	l.finite = l.optimizer.Move(param, l.query.Params[param], grad, l.rate()) && l.finite
}

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// Close frees the graphs' machines.
func (l *Learner) Close() error {
	var errs []error
	if l.features != nil {
		errs = append(errs, l.features.Close())
	}
	for _, o := range l.objectives {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// Show is what each objective was shown last, and what it answered where it has learned from it.
func (l *Learner) Show(rows int) []objective.Row {
	var out []objective.Row
	for i, o := range l.objectives {
		if l.painted[i] {
			out = append(out, o.Show(rows)...)
		}
	}
	return out
}
