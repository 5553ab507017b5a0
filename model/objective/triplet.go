package objective

import (
	G "gorgonia.org/gorgonia"

	"github.com/nearfar/nearfar/loss"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// triplet is the time-contrastive network (Sermanet et al. 2018, arXiv:1704.06888): what is near in time, or
// the same instant from another camera, lies closer by a margin than what is far. Each frame of the batch
// is an anchor, and all others are its positives, its negatives, or neither, by their times.
type triplet struct {
	pair
	z         model.Reading
	relations loss.Relations
	contrast  loss.Contrast
}

func newTriplet(c Config, n Needs, w *model.Weights) (Objective, error) {
	o := &triplet{pair: newPair(c, n, w)}
	o.relations.Of = make([]int8, 4*n.Batch*n.Batch)
	g := model.NewGraph(w, kernel.Train)
	input, z := views(g, c.Name, n)
	o.input, o.z = input, g.Read(z)
	cost := g.Add("triplet", z, 1, func() (*G.Node, error) {
		return loss.Triplet(z.Node(), &o.relations, float32(c.Margin), c.Mining, &o.contrast)
	})
	var err error
	o.training, err = g.Training(cost)
	return o, err
}

func (o *triplet) Learn(step uint64, add func(param int, grad []float32)) (Told, error) {
	rows := 2 * o.needs.Batch
	for i := range rows {
		for j := range rows {
			o.relations.Of[i*rows+j] = o.relation(i, j)
		}
	}
	cost, err := o.run(step, add)
	t := o.contrasted(cost, o.contrast, o.z.Data())
	t.Rows, t.Chance = nearestByLuck(o.relations.Of, rows)
	return t, err
}

// nearestByLuck is how many anchors have a positive, and how often one of their positives is nearer than all
// negatives where distances are random: p times in p + n.
func nearestByLuck(of []int8, rows int) (anchors int, chance float32) {
	sum := 0.0
	for a := range rows {
		var positives, negatives float64
		for b, r := range of[a*rows : (a+1)*rows] {
			switch {
			case a == b:
			case r > 0:
				positives++
			case r < 0:
				negatives++
			}
		}
		if positives > 0 {
			anchors++
			sum += positives / (positives + negatives)
		}
	}
	return anchors, float32(sum / float64(max(1, anchors)))
}
