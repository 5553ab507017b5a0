package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/kernel"
)

// Tensor is a named piece of an arena.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32 // row-major, a window into the arena
}

// Weights are all numbers of one network: Params, which an optimiser moves, and Stats, the running means
// and variances of its batch norms. Each kind lies in one arena, in the order the network declares them.
type Weights struct {
	Spec       Spec
	Params     []Tensor
	Stats      []Tensor
	ParamArena []float32
	StatArena  []float32
	Precision  kernel.Precision // in which graphs over them multiply; the weights themselves are float32
	index      map[string]int   // name → place in Params
	stats      map[string]int   // name of a norm layer → place of its running mean in Stats; the variance follows
}

// NewWeights declares the network of spec and draws its parameters; the same seed draws the same weights.
func NewWeights(spec Spec, s seed.Seed) (*Weights, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("declaring a network: %w", err)
	}
	b := &builder{spec: spec}
	b.declare()
	if n := b.numbers(); n > maxNumbers {
		return nil, fmt.Errorf("declaring a network: it would have %.3g weights, more than %d: are its heads right?", n, maxNumbers)
	}
	w := newWeights(spec, b.params, b.norms)
	for i, d := range b.params {
		d.init(w.Params[i].Data, d.shape, s.At(d.name).Rand())
	}
	for i := range w.Stats {
		if i%2 == 1 { // running variances begin at one, means at zero
			fill(w.Stats[i].Data, 1)
		}
	}
	return w, nil
}

// maxNumbers bounds a network: ResNet-152 has 60 million weights. Settings may come from a file that somebody made.
const maxNumbers = 1 << 28

// numbers is how many weights were declared. Sizes that no int holds are huge here, too.
func (b *builder) numbers() (sum float64) {
	for _, d := range b.params {
		n := 1.0
		for _, side := range d.shape {
			n *= float64(side)
		}
		sum += n
	}
	return sum
}

// newWeights lays the declared tensors out in two arenas.
func newWeights(spec Spec, params []declared, norms []declaredNorm) *Weights {
	w := &Weights{Spec: spec, index: map[string]int{}, stats: map[string]int{}}
	for _, d := range params {
		w.index[d.name] = len(w.Params)
		w.Params = append(w.Params, Tensor{Name: d.name, Shape: d.shape})
	}
	for _, n := range norms {
		w.stats[n.name] = len(w.Stats)
		for _, part := range []string{".running_mean", ".running_var"} {
			w.Stats = append(w.Stats, Tensor{Name: n.name + part, Shape: []int{n.channels}})
		}
	}
	w.ParamArena = lay(w.Params)
	w.StatArena = lay(w.Stats)
	return w
}

// lay gives each tensor its window of one new arena.
func lay(ts []Tensor) []float32 {
	total := 0
	for _, t := range ts {
		total += volume(t.Shape)
	}
	arena := make([]float32, total)
	at := 0
	for i := range ts {
		n := volume(ts[i].Shape)
		ts[i].Data = arena[at : at+n : at+n]
		at += n
	}
	return arena
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// Through are the same weights, live, of which the embedding is the output of a head: what an objective compares and
// what time-contrastive networks call the embedding, in place of the encoder's own.
func (w *Weights) Through(head string) (*Weights, error) {
	var known []string
	for _, h := range w.Spec.Heads {
		if h.Name == head && h.takesEmbeddings() {
			t := *w
			t.Spec.Through = head
			return &t, nil
		}
		if h.takesEmbeddings() {
			known = append(known, h.Name)
		}
	}
	return nil, fmt.Errorf("the network has no head %q that takes embeddings; it has %s", head, cmp.Or(strings.Join(known, ", "), "none"))
}

// Clone is a copy that shares nothing.
func (w *Weights) Clone() *Weights {
	c := *w
	c.Params, c.Stats = slices.Clone(w.Params), slices.Clone(w.Stats)
	c.ParamArena, c.StatArena = lay(c.Params), lay(c.Stats)
	c.CopyFrom(w)
	return &c
}

// CopyFrom takes over all numbers of another network of the same spec.
func (w *Weights) CopyFrom(from *Weights) {
	if len(w.ParamArena) != len(from.ParamArena) || len(w.StatArena) != len(from.StatArena) {
		panic("model: CopyFrom between different networks")
	}
	copy(w.ParamArena, from.ParamArena)
	copy(w.StatArena, from.StatArena)
}

// Copy is a copy of the encoder and of these heads alone, sharing nothing: what a momentum encoder is.
func (w *Weights) Copy(heads ...string) *Weights {
	b := &builder{spec: w.Spec.Only(heads...)}
	b.declare()
	c := newWeights(b.spec, b.params, b.norms)
	c.Precision = w.Precision
	for _, t := range c.Tensors() {
		copy(t.Data, w.must(t.Name).Data)
	}
	return c
}

// TakeEncoder takes over the encoder of another network, whatever heads either has. An error says what does not
// fit.
func (w *Weights) TakeEncoder(from *Weights) error {
	a, b := w.Spec.Only(), from.Spec.Only()
	if a.Encoder != b.Encoder || a.Norm != b.Norm || a.Split != b.Split {
		return fmt.Errorf("taking over an encoder: %+v does not fit %+v", b, a)
	}
	for _, t := range w.Tensors() {
		if strings.HasPrefix(t.Name, "encoder.") {
			copy(t.Data, from.must(t.Name).Data)
		}
	}
	return nil
}

// Follow moves the parameters towards those of the query network, by name: w ← m·w + (1−m)·q, the
// momentum encoder of MoCo (He et al. 2020, arXiv:1911.05722, eq. 2). Running statistics are the copy's own.
func (w *Weights) Follow(query *Weights, momentum float32) {
	for _, p := range w.Params {
		kernel.EMA(p.Data, query.must(p.Name).Data, momentum)
	}
}

// must is a tensor that the network is known to have.
func (w *Weights) must(name string) Tensor {
	if i, ok := w.index[name]; ok {
		return w.Params[i]
	}
	for _, s := range w.Stats {
		if s.Name == name {
			return s
		}
	}
	panic("model: a network without tensor " + name)
}

// Tensors are all tensors, parameters first, as a checkpoint stores them.
func (w *Weights) Tensors() []Tensor { return append(slices.Clone(w.Params), w.Stats...) }

// Param is the parameter of that name.
func (w *Weights) Param(name string) (Tensor, bool) {
	i, ok := w.index[name]
	if !ok {
		return Tensor{}, false
	}
	return w.Params[i], true
}

// running are the running statistics of a norm layer, as the kernel wants them.
func (w *Weights) running(layer string) *kernel.Stats {
	i, ok := w.stats[layer]
	if !ok {
		panic("model: a norm layer that was never declared")
	}
	return &kernel.Stats{Mean: w.Stats[i].Data, Var: w.Stats[i+1].Data}
}
