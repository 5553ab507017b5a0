package objective

import (
	"math"
	"testing"
	"time"
)

// trials are objectives on the generated world: what each must come to within so many steps.
var trials = []struct {
	name  string
	cfg   Config
	steps int
	falls float64 // the last loss is at most this share of the first or, where there is a bank that fills, of that at chance
	right float64 // share of the questions that it answers in the end, where there is something to be right about
}{
	{"arrow", Config{Kind: "arrow"}, 100, 0.6, 0.8},
	{"byol", Config{Kind: "byol"}, 100, 0.6, 0.06},
	{"colour", Config{Kind: "colour"}, 100, 0.7, 0.4},
	{"context", Config{Kind: "context"}, 300, 0.7, 0.4},
	{"cpc", Config{Kind: "cpc", Frames: 5, Ahead: 2}, 100, 0.7, 0.45},
	{"inpaint", Config{Kind: "inpaint"}, 60, 0.6, 0},
	{"inpaint, adversarial", Config{Kind: "inpaint", Mask: "random", Adversarial: 0.01}, 40, 0.8, 0},
	{"jigsaw", Config{Kind: "jigsaw"}, 80, 0.6, 0.6},
	{"jigsaw, pair", Config{Kind: "jigsaw", Form: "pair"}, 400, 0.85, 0.08},
	{"moco", Config{Kind: "moco"}, 80, 0.7, 0.5},
	{"moco, hard and aging", Config{Kind: "moco", Hard: 32, Decay: 0.999}, 80, 0.8, 0.5},
	{"nce", Config{Kind: "nce", Negatives: 64}, 80, 0.75, 0.5},
	{"npairs", Config{Kind: "npairs"}, 100, 0.6, 0.4},
	{"npid", Config{Kind: "npid", Negatives: 64}, 500, 0.85, 0.08},
	{"npid, softmax", Config{Kind: "npid", Softmax: true}, 400, 0.6, 0.2},
	{"order", Config{Kind: "order"}, 400, 0.8, 0.7},
	{"predict", Config{Kind: "predict"}, 100, 0.8, 0.4},
	{"rotation", Config{Kind: "rotation"}, 60, 0.2, 0.9},
	{"scl", Config{Kind: "scl", Sigma: 200 * time.Millisecond}, 100, 0.7, 0.5},
	{"simclr", Config{Kind: "simclr"}, 80, 0.8, 0.3},
	{"simclr, accumulated", Config{Kind: "simclr", Accumulate: 2}, 40, 0.8, 0.2},
	{"simsiam", Config{Kind: "simsiam"}, 300, 1, 0.05},
	{"sla", Config{Kind: "sla", Labels: "label", Classes: 4, Distill: true}, 100, 0.7, 0.4},
	{"splitbrain", Config{Kind: "splitbrain"}, 60, 0.7, 0.25},
	{"triplet", Config{Kind: "triplet"}, 100, 0.7, 0.5},
	{"triplet, all", Config{Kind: "triplet", Mining: "all"}, 100, 0.7, 0.5},
	{"vicreg", Config{Kind: "vicreg"}, 100, 0.8, 0.3},
	{"vince", Config{Kind: "vince"}, 80, 0.75, 0.5},
}

func TestEveryKindLearns(t *testing.T) {
	frames := footage(480)
	tried := map[string]bool{}
	for _, trial := range trials {
		tried[trial.cfg.Kind] = true
		t.Run(trial.name, func(t *testing.T) {
			n, seen := needs("batch"), frames
			if trial.cfg.Kind == "npid" { // learns from seeing a frame again
				seen = frames[:n.Bank]
			}
			b := newBench(t, trial.cfg, n, seen)
			const window = 10
			var first, last, accuracy, chance float64
			for step := range trial.steps {
				told := b.train()
				if math.IsNaN(float64(told.Loss)) || told.Silent && (trial.cfg.Kind != "nce" || step > 0) {
					t.Fatalf("step %d: %+v", step, told)
				}
				if step < window {
					first += float64(told.Loss) / window
				}
				if step >= trial.steps-window {
					last += float64(told.Loss) / window
					accuracy += float64(told.Accuracy) / window
					chance += float64(told.Chance) / window
				}
			}
			switch m := float64(trial.cfg.Negatives); {
			case m > 0:
				first = math.Log(m+1) + m*math.Log1p(1/m)
			case trial.cfg.Kind == "moco" || trial.cfg.Kind == "vince" || trial.cfg.Kind == "npid":
				first = math.Log(float64(n.Bank))
			}
			t.Logf("loss %.4f → %.4f, %.1f %% right, chance %.2f %%", first, last, 100*accuracy, 100*chance)
			if last > trial.falls*first {
				t.Errorf("the loss fell from %.4f to %.4f only", first, last)
			}
			if accuracy < trial.right || trial.right > 0 && accuracy < 1.4*chance {
				t.Errorf("%.1f %% right, less than %.0f %%; guessing gets %.1f %%", 100*accuracy, 100*trial.right, 100*chance)
			}
		})
	}
	for _, kind := range Kinds() {
		if !tried[kind] {
			t.Errorf("kind %s is not tried", kind)
		}
	}
}
