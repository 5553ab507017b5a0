package objective

import (
	"fmt"
	"io"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
	"github.com/nearfar/nearfar/streams/frame"
)

// sla is self-supervised label augmentation (Lee et al. 2020, arXiv:1910.05872): class and transformation
// are one label, so that a network need not see through the transformation to know the class. With distill a
// second head learns to answer alone as the mean over all copies does. A stream has no classes of its
// own: its cameras, or its scenes, stand for them, unless frames carry labels.
type sla struct {
	puzzle
	task   pretext.SLA
	input  []float32 // (rows·M, S, S, 3): all copies of a frame in turn
	names  *classes
	single loss.Labels // of the untransformed copies
	alone  loss.Told
}

// classes numbers what stands for classes, in order of appearance.
type classes struct {
	Name    []string // by number
	Refused uint64   // frames whose class came when all numbers were taken
	of      map[string]int32
	most    int
}

// number is the number of a name, −1 where there is none left.
func (c *classes) number(name string) int32 {
	if i, ok := c.of[name]; ok {
		return i
	}
	if name == "" || len(c.Name) == c.most {
		c.Refused++
		return -1
	}
	i := int32(len(c.Name))
	c.of[name], c.Name = i, append(c.Name, name)
	return i
}

// slaTask are the transformations of a config.
func slaTask(c Config) pretext.SLA {
	switch c.Transforms {
	case "colour":
		return pretext.SLA{Quarters: 1, Orders: 6}
	case "both":
		return pretext.SLA{Quarters: 4, Orders: 6}
	}
	return pretext.SLA{Quarters: 4, Orders: 1}
}

// aloneOf is the name of the head that answers without copies.
func aloneOf(c Config) string { return c.Name + "-single" }

func slaHeads(c Config, n Needs) []model.Head {
	heads := []model.Head{{Name: c.Name, Kind: "linear", Out: c.Classes * slaTask(c).M()}}
	if c.Distill {
		heads = append(heads, model.Head{Name: aloneOf(c), Kind: "linear", Out: c.Classes})
	}
	return heads
}

func newSLA(c Config, n Needs, w *model.Weights) (Objective, error) {
	task := slaTask(c)
	m := task.M()
	rows := max(1, n.Batch/m)
	o := &sla{puzzle: newPuzzle(c, n, w, rows, rows*m, c.Classes*m), task: task, names: &classes{of: map[string]int32{}, most: c.Classes}}
	if err := task.Check(); err != nil {
		return nil, err
	}
	o.single.Of = make([]int32, rows)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("copies", rows*m, n.Model.Image)
	o.input = input
	_, embedding := g.Encode(x)
	joint := g.Head(c.Name, embedding)
	if !c.Distill {
		return o, o.classify(g, joint)
	}
	single := g.Head(aloneOf(c), g.Times(embedding, m, 0, 1))
	o.logits = g.Read(joint)
	costs := []model.Tap{
		g.Add("joint", joint, 1, func() (*G.Node, error) { return loss.CrossEntropy(joint.Node(), &o.labels, &o.answer) }),
		g.Add("distilled", single, 1, func() (*G.Node, error) {
			return loss.Distill(joint.Node(), single.Node(), &o.single, 1, &o.alone)
		}),
	}
	var err error
	o.training, err = g.Training(g.Sum(costs, []float32{1, 1}))
	return o, err
}

// class is what stands for a frame's class.
func (o *sla) class(f *frame.Frame) string {
	switch o.cfg.Labels {
	case "label":
		return f.Label
	case "scene": // what a camera saw within a stretch of far: what is further apart is something else
		return fmt.Sprintf("%s at %s", f.Camera, f.Captured.Truncate(o.needs.Sampler.Far).UTC().Format("15:04:05.0"))
	}
	return f.Camera
}

func (o *sla) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	m, px := o.task.M(), o.pixels()
	known := false
	for row := range o.rows {
		y := o.names.number(o.class(d.Anchor[o.spread(row, o.rows)]))
		o.single.Of[row] = y
		known = known || y >= 0
		for t := range m {
			o.labels.Of[row*m+t] = -1
			if y >= 0 {
				o.labels.Of[row*m+t] = y*int32(m) + int32(t)
			}
		}
	}
	o.look(s, d, func(row int, view []float32, _ *rand.Rand) {
		for t := range m {
			o.task.Transform(o.input[(row*m+t)*px:(row*m+t+1)*px], view, o.size(), t)
		}
	})
	return known
}

func (o *sla) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	t, err := o.puzzle.Learn(step, add)
	t.Chance = 1 / float32(max(1, len(o.names.Name))*o.task.M()) // among the classes met so far
	return t, err
}

func (o *sla) State() []Part {
	return []Part{jsonPart("classes", func() any { return o.names }, func(r io.Reader) error {
		if err := decodeJSON(r, o.names); err != nil {
			return err
		}
		if len(o.names.Name) > o.names.most {
			return fmt.Errorf("there are %d classes, the settings allow %d", len(o.names.Name), o.names.most)
		}
		for i, name := range o.names.Name {
			o.names.of[name] = int32(i)
		}
		return nil
	})}
}

func (o *sla) Show(rows int) []Row {
	var out []Row
	m, px := o.task.M(), o.pixels()
	for row := range min(rows, o.rows) {
		r := Row{Title: fmt.Sprintf("which class (%s), and which transformation?", o.class(o.asked[row]))}
		if o.single.Of[row] < 0 {
			r.Title = "no class: left out"
		}
		for t := range m {
			i := row*m + t
			say := func(label int) string {
				switch y := label / m; {
				case label < 0:
					return o.transformation(t)
				case y == int(o.single.Of[row]):
					return o.transformation(label % m)
				case y < len(o.names.Name):
					return o.names.Name[y] + " " + o.transformation(label%m)
				}
				return "a class not met yet"
			}
			r.Pictures = append(r.Pictures, Picture{Pix: o.input[i*px : (i+1)*px], Size: o.size(),
				Caption: verdict(say(int(o.labels.Of[i])), say(o.guess(i)), o.ran && o.single.Of[row] >= 0, "\n")})
		}
		out = append(out, r)
	}
	return out
}

// channels are what becomes of red, green and blue, by order (see pretext.SLA).
var channels = [6]string{"RGB", "RBG", "GRB", "GBR", "BRG", "BGR"}

// transformation is a few words for the t-th transformation.
func (o *sla) transformation(t int) string {
	turn, order := turned(t/o.task.Orders), channels[t%o.task.Orders]
	switch {
	case o.task.Orders == 1:
		return turn
	case o.task.Quarters == 1:
		return order
	}
	return turn + " " + order
}
