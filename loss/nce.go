package loss

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
)

// NoiseSample is what NCE tells the batch's embeddings apart from. The trainer fills it before each run; the
// graph keeps the pointer.
type NoiseSample struct {
	Positive []float32 // (N, d) memory vectors of the batch's own instances
	Bank     []float32 // (K, d) unit rows
	Index    []int32   // (N, m) rows of Bank, drawn uniformly from the live ones: the noise of each embedding
	Live     int       // n, how many instances there are
}

// Partition is the constant Z by which NCE divides, Z = n·E exp(v·f/T), as a running mean over steps. It belongs
// to the trainer and to its checkpoint. Kept is the mean and not Z itself, so that Z follows a bank whose number
// of live instances n changes, as on a stream it does.
type Partition struct {
	Mean     float64 // of exp(v·f/T) over noise
	Momentum float64 // 0.99
	Set      bool    // the first batch has been seen
}

// Z is the constant for so many live instances.
func (p *Partition) Z(live int) float64 { return p.Mean * float64(live) }

// see takes a batch's mean into the running one.
func (p *Partition) see(mean float64) {
	if p.Set {
		mean = p.Momentum*p.Mean + (1-p.Momentum)*mean
	}
	p.Mean, p.Set = mean, true
}

// NCE is the noise-contrastive estimation of instance discrimination (Wu et al. 2018, arXiv:1805.01978):
// over unit embeddings f (N, d), memory vectors v and m noise vectors v′ of n live instances,
//
//	P(v|f) = exp(v·f/T)/Z    h(v, f) = P / (P + m/n)
//	L = −1/N Σ_f [ ln h(v_f, f) + Σ_m ln(1 − h(v′, f)) ] + λ·‖f − v_f‖²
//
// Z is a running mean over noise alone, as in the paper; the reference code sets it once, from the first batch and
// with the positives in it, which He (CMC issue 23) found wrong. No gradient flows through Z. The logarithms are
// taken of 1 + odds, so the code's ε of 10⁻⁷ is not needed. The proximal term, λ = proximal, 30 in the paper, is not in the reference code; 0 leaves it out. At chance, P = 1/n, L is
// ln(m+1) + m·ln(1+1/m): 9.318 for m = 4096.
//
// Errors: shapes that do not fit, a temperature that is not positive, a negative proximal weight; when run,
// a sample that does not fit, a momentum outside [0, 1).
func NCE(f *G.Node, in *NoiseSample, z *Partition, temperature, proximal float32, out *Contrast) (*G.Node, error) {
	n, d, err := matrix("NCE", "embeddings", f)
	if err != nil {
		return nil, err
	}
	if err := finitePositive("NCE", "temperature", temperature); err != nil {
		return nil, err
	}
	if err := notNegative("NCE", "proximal weight", proximal); err != nil {
		return nil, err
	}
	e := &estimation{n: n, d: d, inverse: 1 / float64(temperature), proximal: float64(proximal)}
	return costOf("NCE", []*G.Node{f}, nil, func(xs, gradients [][]float32) (float32, error) {
		if err := in.fit(n, d); err != nil {
			return 0, err
		}
		if !(z.Momentum >= 0 && z.Momentum < 1) {
			return 0, fmt.Errorf("the running mean of Z takes a momentum from 0 to below 1, not %v", z.Momentum)
		}
		z.see(e.score(xs[0], in))
		value := e.estimate(xs[0], in, z.Z(in.Live), gradients[0], out)
		return float32(value), nil
	})
}

func (in *NoiseSample) fit(n, d int) error {
	if len(in.Positive) != n*d || len(in.Bank)%d != 0 || len(in.Index) == 0 || len(in.Index)%n != 0 || in.Live < 1 {
		return fmt.Errorf("%d embeddings of %d numbers do not go with %d numbers of positives, %d numbers of bank, %d draws of noise and %d live instances",
			n, d, len(in.Positive), len(in.Bank), len(in.Index), in.Live)
	}
	for _, i := range in.Index {
		if i < 0 || int(i) >= len(in.Bank)/d {
			return fmt.Errorf("noise was drawn from row %d of a bank of %d", i, len(in.Bank)/d)
		}
	}
	return nil
}

// estimation is one NCE's shape and scores.
type estimation struct {
	n, d              int
	inverse, proximal float64
	positive, noise   []float32 // (N) and (N, m) scores v·f
	exp               []float64 // (N, m) exp(score/T) of noise
}

// score works out all scores and returns the mean of exp(score/T) over noise.
func (e *estimation) score(f []float32, in *NoiseSample) float64 {
	m := len(in.Index) / e.n
	if len(e.noise) != len(in.Index) {
		e.positive, e.noise, e.exp = make([]float32, e.n), make([]float32, len(in.Index)), make([]float64, len(in.Index))
	}
	total := 0.0
	for _, sum := range inBlocks(e.n, func(from, to int) (sum float64) {
		for i := from; i < to; i++ {
			row := f[i*e.d : (i+1)*e.d]
			e.positive[i] = dot(row, in.Positive[i*e.d:(i+1)*e.d])
			for j := i * m; j < (i+1)*m; j++ {
				at := int(in.Index[j]) * e.d
				e.noise[j] = dot(row, in.Bank[at:at+e.d])
				e.exp[j] = math.Exp(float64(e.noise[j]) * e.inverse)
				sum += e.exp[j]
			}
		}
		return sum
	}) {
		total += sum
	}
	return total / float64(len(e.noise))
}

// nceSums are sums over embeddings and their noise.
type nceSums struct {
	loss, proximal, positive, negative float64
	hits                               int
}

// estimate returns the loss for a given Z and writes its gradient into df.
func (e *estimation) estimate(f []float32, in *NoiseSample, z float64, df []float32, out *Contrast) float64 {
	m := len(in.Index) / e.n
	odds := float64(in.Live) / float64(m) / z // of data against noise, P/(m/n), at a score of 0
	scale := e.inverse / float64(e.n)
	var all nceSums
	for _, s := range inBlocks(e.n, func(from, to int) (s nceSums) {
		for i := from; i < to; i++ {
			row, own, g := f[i*e.d:(i+1)*e.d], in.Positive[i*e.d:(i+1)*e.d], df[i*e.d:(i+1)*e.d]
			clear(g)
			against := 1 / (odds * math.Exp(float64(e.positive[i])*e.inverse))
			s.loss += math.Log1p(against)
			s.positive += float64(e.positive[i])
			axpy(float32(-scale*(1-1/(1+against))), own, g)
			worst := float32(math.Inf(-1))
			for j := i * m; j < (i+1)*m; j++ {
				at := int(in.Index[j]) * e.d
				odds := odds * e.exp[j]
				s.loss += math.Log1p(odds)
				s.negative += float64(e.noise[j])
				worst = max(worst, e.noise[j])
				axpy(float32(scale*(1-1/(1+odds))), in.Bank[at:at+e.d], g)
			}
			if e.positive[i] > worst {
				s.hits++
			}
			for k, v := range own {
				moved := float64(row[k]) - float64(v)
				s.proximal += e.proximal * moved * moved
				g[k] += float32(2 * e.proximal * moved / float64(e.n))
			}
		}
		return s
	}) {
		all.loss += s.loss
		all.proximal += s.proximal
		all.positive += s.positive
		all.negative += s.negative
		all.hits += s.hits
	}
	n := float64(e.n)
	*out = Contrast{Loss: float32(all.loss / n), Positive: float32(all.positive / n), Negative: float32(all.negative / float64(len(e.noise))),
		Accuracy: float32(all.hits) / float32(e.n)}
	return (all.loss + all.proximal) / n
}
