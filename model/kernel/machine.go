package kernel

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Machine runs a graph, as Gorgonia's TapeMachine does, but on the calling thread, in the order in which
// the nodes were made (gradients are handed out earlier, see Hand), and with the outputs of this package's ops laid into as
// little memory as their lifetimes allow.
//
// What stays readable after a run, through Value, are the nodes that nothing else uses (projections) and those under
// a G.Read or named as kept. G.Read hands out that memory itself, no copy: the next run overwrites it. A graph belongs to one
// Machine.
type Machine struct {
	values []G.Value // of each node, by place in the order
	args   []argument
	steps  []step
	reads  []reading
	floats int // planned memory
}

var _ G.VM = (*Machine)(nil)

// argument is an input of the graph: its value is looked up anew for each run.
type argument struct {
	node *G.Node
	at   int
}

type step struct {
	node *G.Node
	op   G.Op
	in   []int
	args []G.Value
	at   int
	bind bool // Value is to show the result
}

// reading is a G.Read.
type reading struct {
	into *G.Value
	at   int
}

// NewMachine plans a graph in memory of its own. Errors: statements other than G.Read, a graph that has a Machine already.
func NewMachine(g *G.ExprGraph, keep ...*G.Node) (*Machine, error) {
	return new(Arena).Machine(g, keep...)
}

// Machine plans a graph in the arena; see NewMachine.
func (a *Arena) Machine(g *G.ExprGraph, keep ...*G.Node) (*Machine, error) {
	nodes := slices.Clone(g.AllNodes())
	slices.SortFunc(nodes, func(a, b *G.Node) int { return int(a.ID() - b.ID()) }) // made later, so after what it uses
	uses := func(n *G.Node) (in G.Nodes) {
		for it := g.From(n.ID()); it != nil && it.Next(); {
			in = append(in, it.Node().(*G.Node))
		}
		return in
	}
	nodes = ordered(nodes, uses)
	at := make(map[int64]int, len(nodes))
	for i, n := range nodes {
		at[n.ID()] = i
	}
	m := &Machine{values: make([]G.Value, len(nodes))}
	p := newPlan(len(nodes))
	for _, n := range keep {
		p.keep(at[n.ID()])
	}
	for i, n := range nodes {
		var in []int
		for _, used := range uses(n) {
			in = append(in, at[used.ID()])
			if in[len(in)-1] >= i {
				return nil, fmt.Errorf("planning a graph: %v was made before what it uses", n)
			}
		}
		if n.Op() == nil {
			m.args = append(m.args, argument{n, i})
			continue
		}
		if into, ok := readInto(n.Op()); ok {
			m.reads = append(m.reads, reading{into, in[0]})
			p.keep(in[0])
			continue
		}
		s := step{node: n, op: n.Op(), in: in, args: make([]G.Value, len(in)), at: i}
		if isSum(nodes, s) {
			s.op = newSum(n.Shape())
		}
		if reflect.TypeOf(n.Op()).String() == "gorgonia.letOp" {
			return nil, fmt.Errorf("planning a graph: %v assigns within the graph, which a Machine does not do", n)
		}
		m.steps = append(m.steps, s)
		p.use(i, s)
	}
	for i := range m.steps {
		m.steps[i].bind = p.kept(m.steps[i].at)
	}
	floats, err := p.lay(m.steps, a)
	m.floats = floats
	return m, err
}

// RunAll runs every op once. An error says which op failed.
func (m *Machine) RunAll() error {
	runtime.LockOSThread() // OpenMP's workers belong to a thread
	defer runtime.UnlockOSThread()
	for _, a := range m.args {
		if m.values[a.at] = a.node.Value(); m.values[a.at] == nil {
			return fmt.Errorf("running a graph: its input %v has no value", a.node)
		}
	}
	for i := range m.steps {
		s := &m.steps[i]
		for j, from := range s.in {
			s.args[j] = m.values[from]
		}
		v, err := s.op.Do(s.args...)
		if err != nil {
			return fmt.Errorf("running %v: %w", s.op, err)
		}
		m.values[s.at] = v
		if s.bind && s.node.Value() != v {
			if err := G.UnsafeLet(s.node, v); err != nil {
				return fmt.Errorf("showing the value of %v: %w", s.op, err)
			}
		}
	}
	for _, r := range m.reads {
		*r.into = m.values[r.at]
	}
	return nil
}

// Reset does nothing: runs leave no state.
func (m *Machine) Reset() {}

// Close does nothing: the graph and its memory go when nobody holds them.
func (m *Machine) Close() error { return nil }

// Bytes is how much memory the outputs of this package's ops take.
func (m *Machine) Bytes() int { return 4 * m.floats }

// readInto is where a G.Read writes. Gorgonia keeps it in a field of its own.
func readInto(o G.Op) (*G.Value, bool) {
	v := reflect.ValueOf(o)
	if v.Type().String() != "gorgonia.readOp" {
		return nil, false
	}
	return (*G.Value)(v.FieldByName("into").UnsafePointer()), true
}

// isSum says that a step adds two float32 tensors of one shape: Gorgonia joins gradients so.
func isSum(nodes G.Nodes, s step) bool {
	if s.op.String() != "+ false" || len(s.in) != 2 || s.node.Dims() == 0 || s.node.Dtype() != tensor.Float32 {
		return false
	}
	a, b := nodes[s.in[0]].Shape(), nodes[s.in[1]].Shape()
	return a.Eq(b) && a.Eq(s.node.Shape())
}
