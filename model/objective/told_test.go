package objective

import (
	"math"
	"testing"
)

// The gradient of k batches of N by embedding cache is that of one batch of k·N, where norms see one picture
// at a time.
func TestAccumulatedSimCLREqualsTheFullBatch(t *testing.T) {
	frames := footage(160)
	for _, k := range []int{2, 4} {
		const whole = 8
		n := needs("group")
		n.Batch, n.Sampler.Batch = whole, whole
		full := newBench(t, Config{Kind: "simclr", Positives: "same"}, n, frames)
		n.Batch = whole / k
		parts := newBench(t, Config{Kind: "simclr", Positives: "same", Accumulate: k}, n, frames)
		full.paint()
		parts.paint()
		f, p := full.objective.(*simclr), parts.objective.(*simclr)
		px := f.pixels()
		for part := range k { // the same pictures: all first views, all second ones; parts have theirs beside each other
			for view := range 2 {
				copy(p.images[(2*part+view)*whole/k*px:][:whole/k*px], f.images[(view*whole+part*whole/k)*px:])
			}
		}
		want, got := full.learn(), parts.learn()
		if math.Abs(float64(want.Loss-got.Loss)) > 1e-5 || want.Chance != got.Chance || want.Rows != got.Rows || want.Accuracy != got.Accuracy {
			t.Errorf("%d parts: %+v, the full batch %+v", k, got, want)
		}
		for i, g := range full.grads {
			if (g == nil) != (parts.grads[i] == nil) {
				t.Fatalf("%s is moved by one of them only", full.weights.Params[i].Name)
			}
			size := float64(0)
			for _, v := range g {
				size = max(size, math.Abs(float64(v)))
			}
			for j := range g {
				if d := math.Abs(float64(g[j] - parts.grads[i][j])); d > 1e-5*max(1, size) {
					t.Fatalf("%d parts: the gradient of %s[%d] is %v, of the full batch %v", k, full.weights.Params[i].Name, j, parts.grads[i][j], g[j])
				}
			}
		}
	}
}

// Frames of noise hold nothing that could be told, whatever the objective.
func TestChanceIsWhatAnUntrainedNetworkGetsOnNoise(t *testing.T) {
	frames := footage(480)
	for i, f := range frames {
		r := needs("batch").Seed.Rand(uint64(i))
		for j := range f.Pix {
			f.Pix[j] = byte(r.Uint32())
		}
	}
	for _, trial := range trials {
		if trial.cfg.Adversarial > 0 {
			continue // who tells the filled pictures from the others has much to go by
		}
		b := newBench(t, trial.cfg, needs("batch"), frames)
		right, chance, rows, steps := 0.0, 0.0, 0.0, 0
		for b.step = 0; b.step < 28; b.step++ {
			if !b.paint() {
				t.Fatal("no batch")
			}
			told := b.learn()
			b.objective.Settle(b.step)
			if b.step < 17 || told.Chance == 0 { // banks fill
				continue
			}
			steps++
			right += float64(told.Accuracy) * float64(told.Rows)
			chance += float64(told.Chance) * float64(told.Rows)
			rows += float64(told.Rows)
		}
		if steps == 0 {
			continue
		}
		p := chance / rows
		luck := 6 * math.Sqrt(p*(1-p)/rows) // rows of a batch share pictures and a network: they are worth less than as many of their own
		t.Logf("%-20s %5.2f %% right, chance %5.2f %%, %.0f questions", trial.name, 100*right/rows, 100*p, rows)
		if math.Abs(right/rows-p) > luck+0.02 {
			t.Errorf("%s: %.2f %% right on noise, chance is said to be %.2f %%", trial.name, 100*right/rows, 100*p)
		}
	}
}

// contrastive says which kinds report scores, and which of them bound mutual information.
var contrastive = map[string]bool{
	"moco": true, "simclr": true, "npairs": true, "vince": true, "cpc": true,
	"nce": false, "scl": false, "npid": false, "triplet": false, "vicreg": false, "byol": false, "simsiam": false, "predict": false,
}

func TestContrastiveObjectivesReportScoresGapAndBound(t *testing.T) {
	frames := footage(480)
	for _, kind := range append(Kinds(), "npid with softmax") {
		c := Config{Kind: kind}
		bounded, scores := contrastive[kind]
		if kind == "npid with softmax" {
			c, bounded, scores = Config{Kind: "npid", Softmax: true}, true, true
		}
		n, seen, steps := needs("batch"), frames, 20
		switch c.Kind {
		case "npid": // learns from seeing a frame again, and again
			seen, steps = frames[:n.Bank], 300
		case "byol", "predict", "simsiam": // their predictors begin anywhere
			steps = 60
		}
		b := newBench(t, c, n, seen)
		var told Told
		for range steps {
			told = b.train()
		}
		if told.Name != c.Kind || told.Weight != 1 || told.Contrastive != scores || told.Contrastive && told.Bounded != bounded {
			t.Errorf("%s: %+v", kind, told)
		}
		if !scores {
			continue
		}
		if told.Gap() <= 0 || told.Gap() != told.Positive-told.Negative {
			t.Errorf("%s: positives score %v, negatives %v after %d steps", kind, told.Positive, told.Negative, steps)
		}
		if told.Dim != 32 || len(told.Projection) == 0 || len(told.Projection)%told.Dim != 0 {
			t.Errorf("%s: a projection of %d numbers in rows of %d", kind, len(told.Projection), told.Dim)
		}
		if told.Chance <= 0 || told.Chance >= 1 || told.Rows <= 0 {
			t.Errorf("%s: chance %v of %d questions", kind, told.Chance, told.Rows)
		}
		if bounded && (told.Candidates <= 0 || told.MIBound() > told.Candidates) {
			t.Errorf("%s: a bound of %v nats where ln N is %v", kind, told.MIBound(), told.Candidates)
		}
	}
}
