package model

import (
	"fmt"
	"slices"

	"github.com/nearfar/nearfar/model/kernel"
)

// Optimizer moves parameters against their gradients and keeps its state in plain slices, so that a
// checkpoint holds all of it (stock Gorgonia solvers hide theirs).
type Optimizer interface {
	// Begin begins a step, in which each parameter moves once or, where nothing asks for it, not at all.
	Begin()
	// Move moves parameter i of those the optimiser was made for, p, by its gradient (same length) at learning rate lr. It
	// reports whether p and what the optimiser keeps of it are finite still.
	Move(i int, p Tensor, grad []float32, lr float32) (finite bool)
	// State is everything a resumed run needs: names and live slices, and the count of steps taken.
	State() (slots []Tensor, steps uint64)
	// Restore takes over what State gave; an error says what does not fit.
	Restore(slots []Tensor, steps uint64) error
}

// OptimizerSpec says which optimiser.
type OptimizerSpec struct {
	Kind        string  // sgd or adam
	Momentum    float32 // of sgd
	WeightDecay float32 // added to the gradient, as PyTorch's SGD and Adam do
}

// NewOptimizer is the optimiser for parameters of these shapes.
func NewOptimizer(spec OptimizerSpec, params []Tensor) (Optimizer, error) {
	switch spec.Kind {
	case "sgd":
		return &SGD{spec: spec, velocity: slotsLike(params, "momentum_buffer")}, nil
	case "adam":
		return &Adam{spec: spec, mean: slotsLike(params, "exp_avg"), square: slotsLike(params, "exp_avg_sq")}, nil
	}
	return nil, fmt.Errorf("optimizer %q is unknown; there are adam and sgd", spec.Kind)
}

// SGD with momentum, as PyTorch writes it: v ← m·v + g + λw, w ← w − lr·v (Sutskever et al. 2013 put the
// learning rate inside the velocity; with a constant rate the two agree).
type SGD struct {
	spec     OptimizerSpec
	velocity []Tensor
	steps    uint64
}

// Begin implements Optimizer.
func (o *SGD) Begin() { o.steps++ }

// Move implements Optimizer.
func (o *SGD) Move(i int, p Tensor, grad []float32, lr float32) (finite bool) {
	return kernel.SGDMomentum(p.Data, grad, o.velocity[i].Data, lr, o.spec.Momentum, o.spec.WeightDecay)
}

// State implements Optimizer.
func (o *SGD) State() ([]Tensor, uint64) { return o.velocity, o.steps }

// Restore implements Optimizer.
func (o *SGD) Restore(slots []Tensor, steps uint64) error {
	o.steps = steps
	return restoreSlots(o.velocity, slots)
}

// Adam of Kingma & Ba 2014 (arXiv:1412.6980), β = (0.9, 0.999), ε = 1e-8, weight decay added to the
// gradient as in PyTorch's Adam.
type Adam struct {
	spec         OptimizerSpec
	mean, square []Tensor
	steps        uint64
}

// Begin implements Optimizer.
func (o *Adam) Begin() { o.steps++ }

// Move implements Optimizer.
func (o *Adam) Move(i int, p Tensor, grad []float32, lr float32) (finite bool) {
	return kernel.Adam(p.Data, grad, o.mean[i].Data, o.square[i].Data, lr, 0.9, 0.999, 1e-8, o.spec.WeightDecay, int(o.steps))
}

// State implements Optimizer.
func (o *Adam) State() ([]Tensor, uint64) { return slices.Concat(o.mean, o.square), o.steps }

// Restore implements Optimizer.
func (o *Adam) Restore(slots []Tensor, steps uint64) error {
	o.steps = steps
	return restoreSlots(slices.Concat(o.mean, o.square), slots)
}

// slotsLike is one zero slot a parameter, named after it.
func slotsLike(params []Tensor, suffix string) []Tensor {
	slots := make([]Tensor, len(params))
	for i, p := range params {
		slots[i] = Tensor{Name: p.Name + "." + suffix, Shape: p.Shape}
	}
	lay(slots)
	return slots
}

// restoreSlots copies saved slots into live ones by name.
func restoreSlots(live, saved []Tensor) error {
	byName := make(map[string]Tensor, len(saved))
	for _, s := range saved {
		byName[s.Name] = s
	}
	for _, l := range live {
		s, ok := byName[l.Name]
		if !ok || len(s.Data) != len(l.Data) {
			return fmt.Errorf("restoring the optimizer: slot %s is missing or has another size; was the run made with another optimizer or encoder?", l.Name)
		}
		copy(l.Data, s.Data)
	}
	return nil
}
