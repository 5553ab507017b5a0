package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// Self-supervised label augmentation (Lee et al. 2020, arXiv:1910.05872) learns C classes and M transformations as
// C·M joint ones. The copies of picture i lie in the rows i·M+t, class y under transformation t is y·M+t, as in the
// reference code; the joint loss is CrossEntropy over all N·M rows.

// Aggregate is aggregated inference: the mean over transformations of the logits that speak of that
// transformation, (1/M)·Σ_t z_t[:, t::M], of which softmax makes probabilities. It writes (n, classes) into out from
// joint logits (n·m, classes·m), and panics where a slice is too short.
func Aggregate(out, joint []float32, n, m, classes int) {
	if n < 0 || m < 1 || classes < 1 || len(out) < n*classes || len(joint) < n*m*classes*m {
		panic("loss: Aggregate: a slice is shorter than its shape")
	}
	for i := range n {
		for y := range classes {
			sum := float32(0)
			for t := range m {
				sum += joint[(i*m+t)*classes*m+y*m+t]
			}
			out[i*classes+y] = sum / float32(m)
		}
	}
}

// Distill is self-distillation from aggregated to single inference, without the joint loss:
//
//	L = CE(single, labels) + T²·1/N Σ_i KL( softmax(aggregate_i/T) ‖ softmax(single_i/T) )
//
// single (N, C) are the logits of a second head for the untransformed copies, joint (N·M, C·M) those of the joint head,
// from which no gradient flows. T² is the reference code's, where the paper has a weight β. A row without a label
// is distilled all the same. out tells of the single head.
//
// Errors: shapes that do not fit, a temperature that is not positive; when run, labels that do not fit.
func Distill(joint, single *G.Node, labels *Labels, temperature float32, out *Told) (*G.Node, error) {
	n, classes, err := matrix("Distill", "single logits", single)
	if err != nil {
		return nil, err
	}
	all, columns, err := matrix("Distill", "joint logits", joint)
	if err != nil {
		return nil, err
	}
	m := all / n
	if all != n*m || columns != classes*m {
		return nil, fmt.Errorf("Distill has single logits of shape (%d, %d), which joint ones of shape (%d, %d) are not M times as many of in rows and columns", n, classes, all, columns)
	}
	if err := finitePositive("Distill", "temperature", temperature); err != nil {
		return nil, err
	}
	teacher := make([]float32, n*classes)
	return costOf("Distill", []*G.Node{single}, []*G.Node{joint}, func(xs, gradients [][]float32) (float32, error) {
		if err := labels.fit(n, classes); err != nil {
			return 0, err
		}
		t := target{index: labels.Of, k: 1}
		*out = softmaxCE(xs[0], n, classes, t, t.share(n), gradients[0]).told()
		Aggregate(teacher, xs[1], n, m, classes)
		return out.Loss + float32(distill(teacher, xs[0], n, classes, float64(temperature), gradients[0])), nil
	})
}

// distill returns T²·mean KL of softmax(teacher/T) from softmax(x/T) and adds its gradient.
func distill(teacher, x []float32, n, classes int, temperature float64, dx []float32) (loss float64) {
	p, q := make([]float64, classes), make([]float64, classes)
	for i := range n {
		logSoftmax(p, teacher[i*classes:(i+1)*classes], temperature)
		logSoftmax(q, x[i*classes:(i+1)*classes], temperature)
		for k := range classes {
			loss += temperature * temperature / float64(n) * math.Exp(p[k]) * (p[k] - q[k])
			dx[i*classes+k] += float32(temperature / float64(n) * (math.Exp(q[k]) - math.Exp(p[k])))
		}
	}
	return loss
}

// logSoftmax writes ln softmax(x/T).
func logSoftmax(out []float64, x []float32, temperature float64) {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, float64(v)/temperature)
	}
	for _, v := range x {
		sum += math.Exp(float64(v)/temperature - top)
	}
	for k, v := range x {
		out[k] = float64(v)/temperature - top - math.Log(sum)
	}
}
