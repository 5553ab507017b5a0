package objective

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/bank"
	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
)

// npid is non-parametric instance discrimination (Wu et al. 2018, arXiv:1805.01978): every frame is a class
// of its own, and its classifier is the frame's own vector in a memory bank, which follows its embedding.
// The other frames of the bank are noise (NCE), or all of the softmax.
type npid struct {
	common
	memory    *bank.Instances
	input     []float32
	query     model.Reading
	slots     []int // of the batch's frames
	noise     loss.NoiseSample
	partition loss.Partition
	instances loss.Instances
	contrast  loss.Contrast
}

// instanceMomentum is what a slot keeps of its vector when its frame is seen again, as in the paper's code.
const instanceMomentum = 0.5

func newNPID(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &npid{common: common{cfg: c, needs: n, weights: w}, slots: make([]int, n.Batch), partition: loss.Partition{Momentum: partitionMomentum},
		memory: bank.NewInstances(n.Bank, n.Projection, instanceMomentum, n.Seed.At("slots"))}
	o.noise.Positive, o.noise.Index = make([]float32, n.Batch*n.Projection), make([]int32, n.Batch*c.Negatives)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("frames", n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	f := g.Unit(g.Head(c.Name, embedding))
	o.input, o.query = input, g.Read(f)
	cost := g.Add("NPID", f, 1, func() (*G.Node, error) {
		if c.Softmax {
			return loss.NPID(f.Node(), &o.instances, float32(c.Temperature), &o.contrast)
		}
		return loss.NCE(f.Node(), &o.noise, &o.partition, float32(c.Temperature), float32(c.Proximal), &o.contrast)
	})
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

// Age implements Aged, of the vector whose frame has had its slot for longest.
func (o *npid) Age(step uint64) uint64 { return o.memory.Age(step) }

func (o *npid) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	s.Paint(o.input, o.anchors(d), o.size(), d, o.use("frame"))
	return true
}

func (o *npid) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	d := o.needs.Projection
	o.assign(step)
	for row, slot := range o.slots {
		copy(o.noise.Positive[row*d:(row+1)*d], o.memory.Keys()[slot*d:])
	}
	o.gather(step)
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.query.Data())
	if !o.cfg.Softmax {
		t.Chance = noiseChance(o.memory.Len(), o.cfg.Negatives)
	}
	return t, err
}

// assign finds the slot of each frame. A new frame takes the oldest slot, which may be that of another frame of
// the batch: that one is given a new one in turn. A bank that holds a batch has slots for all.
func (o *npid) assign(step uint64) {
	for again := true; again; {
		again = false
		for row, f := range o.anchors(o.drawn) {
			if slot := o.memory.Slot(origin(f, step)); slot != o.slots[row] {
				o.slots[row], again = slot, true
			}
		}
	}
}

// gather points the losses at the bank. Frames near the anchor's own are neither noise nor other classes.
func (o *npid) gather(step uint64) {
	in := &o.instances
	in.Bank, in.Own = o.memory.Keys(), in.Own[:0]
	in.Row, in.Slot = append(in.Row[:0], 0), in.Slot[:0]
	o.noise.Bank, o.noise.Live = in.Bank, o.memory.Len()
	for row, f := range o.anchors(o.drawn) {
		own, from := int32(o.slots[row]), len(in.Slot)
		in.Slot = o.memory.Masked(in.Slot, origin(f, step), o.needs.far())
		if !o.cfg.Softmax {
			sampleNoise(o.noise.Index[row*o.cfg.Negatives:(row+1)*o.cfg.Negatives], o.memory.Len(), in.Slot[from:], o.drawn.Rand(o.use("noise"), row))
		}
		if at, ok := slices.BinarySearch(in.Slot[from:], own); ok { // it is the answer
			in.Slot = slices.Delete(in.Slot, from+at, from+at+1)
		}
		in.Own, in.Row = append(in.Own, own), append(in.Row, int32(len(in.Slot)))
	}
}

// Settle lets the slots follow what the frames look like now.
func (o *npid) Settle(step uint64) {
	d, now := o.needs.Projection, o.query.Data()
	for row, slot := range o.slots {
		o.memory.Move(slot, now[row*d:(row+1)*d], step)
	}
}

func (o *npid) State() []Part {
	given := o.memory.Given()
	return []Part{
		jsonPart("slots", func() any { return o.memory.Given() }, func(r io.Reader) error { return json.NewDecoder(r).Decode(&given) }),
		{Name: "bank.bin",
			Write: func(w io.Writer) error { _, err := o.memory.WriteTo(w); return err },
			Read: func(r io.Reader, _ int64) error {
				b, err := bank.Read(r)
				if err != nil {
					return err
				}
				if b.Cap() != o.needs.Bank || b.Dim() != o.needs.Projection {
					return fmt.Errorf("the bank holds %d keys of %d numbers, the settings want %d of %d", b.Cap(), b.Dim(), o.needs.Bank, o.needs.Projection)
				}
				o.memory.Adopt(b, given)
				return nil
			}},
		partitionPart(&o.partition),
	}
}

func (o *npid) Show(rows int) []Row {
	plain := make([]float32, min(rows, o.needs.Batch)*o.pixels())
	for i := range min(rows, o.needs.Batch) {
		sampler.Plain(plain[i*o.pixels():(i+1)*o.pixels()], o.drawn.Anchor[i], o.size())
	}
	return o.show(rows, func(int) string { return "a class of its own" },
		column{"the frame", plain}, column{"as it is shown", o.input})
}
