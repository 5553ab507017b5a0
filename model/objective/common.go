package objective

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/nearfar/nearfar/internal/safetensors"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// common is what every objective is made of.
type common struct {
	cfg      Config
	needs    Needs
	weights  *model.Weights
	drawn    *sampler.Draw // of the step that was painted
	training *model.Training
}

// size is the side of training pictures, px.
func (o *common) size() int { return o.needs.Model.Image }

// pixels is how many numbers a training picture has.
func (o *common) pixels() int { return o.size() * o.size() * 3 }

// use names random numbers that no other objective draws.
func (o *common) use(what string) string { return o.cfg.Name + "." + what }

// anchors are the anchors of the first n rows.
func (o *common) anchors(d *sampler.Draw) []*frame.Frame { return d.Anchor[:o.needs.Batch] }

// partners are the frames that anchors are to agree with.
func (o *common) partners(d *sampler.Draw, rows int) []*frame.Frame {
	if o.cfg.Positives == "same" {
		return d.Anchor[:rows]
	}
	return d.Positive[:rows]
}

// spread is the row of the batch whose anchor is the i-th of so many that are evenly spread over it. A batch
// begins with the newest frames: the first few rows would be nothing else, and nothing would be replayed.
func (o *common) spread(i, of int) int { return i * o.needs.Batch / of }

// run takes a training step of the objective's one graph.
func (o *common) run(step uint64, add func(param int, grad []float32)) (float32, error) {
	cost, err := o.training.Run(add)
	if err != nil {
		return 0, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	return cost, nil
}

// told begins a report.
func (o *common) told(cost float32) Told {
	return Told{Name: o.cfg.Name, Weight: float32(o.cfg.Weight), Loss: cost}
}

// contrasted is the report of a contrastive objective.
func (o *common) contrasted(cost float32, c loss.Contrast, projection []float32) Told {
	t := o.told(cost)
	t.Contrastive, t.Contrast, t.Accuracy, t.Rows = true, c, c.Accuracy, o.needs.Batch
	t.Loss = cost
	if c.Bounded {
		t.Chance = guessing(c)
	}
	t.Projection, t.Dim = projection, o.needs.Projection
	return t
}

// guessing is how often a positive scores above all negatives by luck: once in N, of which Candidates is the mean
// logarithm.
func guessing(c loss.Contrast) float32 { return float32(math.Exp(-float64(c.Candidates))) }

// silent is the report of a step that was sat out.
func (o *common) silent() Told { t := o.told(0); t.Silent = true; return t }

func (o *common) Settle(uint64) {}

func (o *common) State() []Part { return nil }

func (o *common) Close() error { return o.training.Close() }

// column is a picture of every row, and what stands under each.
type column struct {
	caption string
	pix     []float32
}

// show draws columns of pictures side by side.
func (o *common) show(rows int, title func(row int) string, columns ...column) []Row {
	var out []Row
	px := o.pixels()
	for i := range min(rows, len(columns[0].pix)/px) {
		r := Row{Title: title(i)}
		for _, c := range columns {
			r.Pictures = append(r.Pictures, Picture{Pix: c.pix[i*px : (i+1)*px], Size: o.size(), Caption: c.caption})
		}
		out = append(out, r)
	}
	return out
}

// showKeys draws the anchors as the query network sees them and their partners as the key network does.
func (o *common) showKeys(rows int, queries, keys []float32) []Row {
	partners := o.partners(o.drawn, o.needs.Batch)
	return o.show(rows, func(i int) string { return between(o.drawn.Anchor[i], partners[i]) }, column{"query", queries}, column{"key", keys})
}

// between says in a few words what the frames of a pair are to each other.
func between(a, b *frame.Frame) string {
	apart := b.Captured.Sub(a.Captured).Abs().Round(time.Millisecond)
	switch {
	case a == b:
		return "two looks at one frame"
	case a.Camera != b.Camera:
		return fmt.Sprintf("%s and %s", a.Camera, b.Camera)
	}
	return fmt.Sprintf("%v apart", apart)
}

// projector is the head of contrastive objectives.
func projector(c Config, n Needs) []model.Head {
	return []model.Head{{Name: c.Name, Kind: "mlp", Hidden: n.Hidden, Out: n.Projection}}
}

// tensorPart is a file of tensors that training changes in place.
func tensorPart(name string, tensors []model.Tensor) Part {
	return Part{Name: name + ".safetensors",
		Write: func(w io.Writer) error {
			out := make([]safetensors.Tensor, len(tensors))
			for i, t := range tensors {
				out[i] = safetensors.Tensor{Name: t.Name, Shape: t.Shape, F32: t.Data}
			}
			return safetensors.Encode(w, out, map[string]string{"format": "nearfar", "tensors": strconv.Itoa(len(out))})
		},
		Read: func(r io.Reader, size int64) error {
			saved, err := safetensors.Decode(r, size)
			if err != nil {
				return err
			}
			for _, t := range tensors {
				s, err := saved.Tensor(t.Name)
				if err != nil || len(s.F32) != len(t.Data) {
					return fmt.Errorf("tensor %s is missing or has another size", t.Name)
				}
				copy(t.Data, s.F32)
			}
			return nil
		}}
}

// follower is a momentum encoder: a copy of the encoder and of some heads that follows slowly (He et al.
// 2020, arXiv:1911.05722, §3.2). It normalises over its batch, as the query network does.
type follower struct {
	weights    *model.Weights
	momentum   float32
	forward    *model.Forward
	input      []float32 // (rows, S, S, 3)
	projection model.Reading
}

// follow builds the follower of a head over so many pictures; unit gives its rows unit length. It shares the memory of the
// objective's training graph: what it has seen has to be copied before that runs.
func (o *common) follow(rows int, head string, unit bool) (*follower, error) {
	w, n := o.weights, o.needs
	f := &follower{weights: w.Copy(head), momentum: n.KeyMomentum}
	g := model.NewGraph(f.weights, kernel.Train)
	input, x := g.Images("keys", rows, n.Model.Image)
	_, embedding := g.Encode(x)
	p := g.Head(head, embedding)
	if unit {
		p = g.Unit(p)
	}
	f.input, f.projection = input, g.Read(p)
	var err error
	f.forward, err = g.ForwardIn(o.training)
	return f, err
}

// look moves towards the query network and looks at the pictures in input.
func (f *follower) look(query *model.Weights) ([]float32, error) {
	f.weights.Follow(query, f.momentum)
	if err := f.forward.Run(); err != nil {
		return nil, fmt.Errorf("looking with the momentum encoder: %w", err)
	}
	return f.projection.Data(), nil
}

// part is the follower's weights in a checkpoint.
func (f *follower) part() Part { return tensorPart("key", f.weights.Tensors()) }

// jsonPart is a file of what fits into JSON.
func jsonPart(name string, value func() any, read func(io.Reader) error) Part {
	return Part{Name: name + ".json",
		Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(value()) },
		Read:  func(r io.Reader, _ int64) error { return read(r) }}
}

func decodeJSON(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }
