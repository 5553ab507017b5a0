package objective

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
)

// nce tells the key of a positive from noise by estimation (Wu et al. 2018, arXiv:1805.01978, eq. 6–8):
// MoCo's keys and bank, with a sample of the bank in place of all of it, and a partition function that is a
// running mean.
type nce struct {
	common
	*keys
	key       *follower
	input     []float32
	query     model.Reading
	noise     loss.NoiseSample
	partition loss.Partition
	contrast  loss.Contrast
}

func newNCE(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &nce{common: common{cfg: c, needs: n, weights: w}, keys: newKeys(n, c), partition: loss.Partition{Momentum: partitionMomentum}}
	o.noise.Positive, o.noise.Index = make([]float32, n.Batch*n.Projection), make([]int32, n.Batch*c.Negatives)
	g := model.NewGraph(w, kernel.Train)
	input, x := g.Images("queries", n.Batch, n.Model.Image)
	_, embedding := g.Encode(x)
	q := g.Unit(g.Head(c.Name, embedding))
	o.input, o.query = input, g.Read(q)
	cost := g.Add("NCE", q, 1, func() (*G.Node, error) {
		return loss.NCE(q.Node(), &o.noise, &o.partition, float32(c.Temperature), 0, &o.contrast)
	})
	var err error
	if o.training, err = g.Training(cost); err != nil {
		return nil, err
	}
	o.key, err = o.follow(n.Batch, c.Name, true)
	return o, err
}

// partitionMomentum is what is kept of the partition function: one batch estimates it badly, the mean of
// a hundred well.
const partitionMomentum = 0.99

func (o *nce) Paint(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn = d
	s.Paint(o.input, o.anchors(d), o.size(), d, o.use("query"))
	s.Paint(o.key.input, o.partners(d, o.needs.Batch), o.size(), d, o.use("key"))
	return true
}

func (o *nce) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	fresh, err := o.key.look(o.weights)
	if err != nil {
		return Told{}, fmt.Errorf("objective %s, step %d: %w", o.cfg.Name, step, err)
	}
	copy(o.noise.Positive, fresh)
	o.hold(o.noise.Positive, o.partners(o.drawn, o.needs.Batch), step)
	if o.bank.Len() < o.needs.Batch { // nothing to sample noise from yet
		return o.silent(), nil
	}
	o.gather(o.anchors(o.drawn), step)
	o.noise.Bank, o.noise.Live = o.negatives.Keys, o.bank.Len()
	for row := range o.needs.Batch {
		index := o.noise.Index[row*o.cfg.Negatives : (row+1)*o.cfg.Negatives]
		sampleNoise(index, o.bank.Len(), o.negatives.Slot[o.negatives.Row[row]:o.negatives.Row[row+1]], o.drawn.Rand(o.use("noise"), row))
	}
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.query.Data())
	t.Chance = noiseChance(o.bank.Len(), o.cfg.Negatives)
	return t, err
}

// noiseChance is how often a positive scores above so many draws from a bank by luck: one in as many as
// there are different ones, which of m draws from n are n·(1 − (1 − 1/n)^m).
func noiseChance(live, draws int) float32 {
	n := float64(live)
	return float32(1 / (1 + n*(1-math.Pow(1-1/n, float64(draws)))))
}

// sampleNoise draws slots uniformly from those that are negatives: masked ones (ascending) are left out. Where
// all are masked any will do: better a false negative than a batch without noise.
func sampleNoise(index []int32, live int, masked []int32, r *rand.Rand) {
	free := live - len(masked)
	for i := range index {
		if free <= 0 {
			index[i] = int32(r.IntN(live))
			continue
		}
		slot := int32(r.IntN(free)) // the slot-th that is not masked
		lo, hi := 0, len(masked)    // how many masked ones lie before it
		for lo < hi {
			mid := (lo + hi) / 2
			if masked[mid]-int32(mid) <= slot {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		index[i] = slot + int32(lo)
	}
}

func (o *nce) Settle(uint64) { o.settle() }

func (o *nce) State() []Part { return []Part{o.key.part(), o.part(), partitionPart(&o.partition)} }

// partitionPart is a running partition function in a checkpoint.
func partitionPart(p *loss.Partition) Part {
	return jsonPart("partition", func() any { return *p }, func(r io.Reader) error { return decodeJSON(r, p) })
}

func (o *nce) Show(rows int) []Row {
	return o.showKeys(rows, o.input, o.key.input)
}

func (o *nce) Close() error { return errors.Join(o.common.Close(), o.key.forward.Close()) }
