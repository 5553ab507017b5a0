package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
)

// bareLayer is one line of the table: a layer of the step as oneDNN runs it alone.
type bareLayer struct {
	Layer     string  `json:"layer"`
	Forward   float64 `json:"forward_ms"`
	ToData    float64 `json:"to_data_ms"` // 0: the step does not compute it
	ToWeights float64 `json:"to_weights_ms"`
	GFlopPS   float64 `json:"gflop_per_s"` // of what is computed
	Times     int     `json:"times"`       // the forward pass is taken in a step
}

// roofline is the last line: the step beside the sum of its layers.
type roofline struct {
	stepTiming
	BareMS      float64 `json:"bare_ms"` // forward of queries and keys, both backwards of queries, scores
	BareMinMS   float64 `json:"bare_min_ms"`
	BareMaxMS   float64 `json:"bare_max_ms"`
	BareFloorMS float64 `json:"bare_floor_ms"` // the least each pass ever took, added up
	GFlop       float64 `json:"gflop"`         // a step
	BareGFlopPS float64 `json:"bare_gflop_per_s"`
	Share       float64 `json:"share"` // median over rounds of plain time to the step's
	ShareBusy   float64 `json:"share_of_processor_time"`
	ShareMin    float64 `json:"share_of_minima"` // bare_floor_ms to the fastest step: what other programs on the machine disturb least
}

func newBenchRooflineCmd(a *app) *cobra.Command {
	t := stepTiming{Layout: "nhwc", Precision: "f32"}
	var rounds int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "roofline", Short: "Time the step beside plain oneDNN on its own layers", Args: cobra.NoArgs,
		Long: `Times what oneDNN alone needs for the convolutions and products of a training step, at the step's batch: forward
of queries and keys, both backwards of queries, and the scores against the bank. Nothing is fused and nothing
reordered: what a step cannot be faster than. Whole steps are timed in turn with it, in the same run, and
the last line states the plain time as a share of the step's.`,
		Example: "  nearfar bench roofline --encoder resnet18 --batch 32",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Steps < 1 || rounds < 1 {
				return usagef(cmd.CommandPath(), "--steps and --rounds must be at least 1")
			}
			b, err := t.bench()
			if err != nil {
				return usagef(cmd.CommandPath(), "%w", err)
			}
			defer runtime.UnlockOSThread()
			c := t.config()
			r := roofline{stepTiming: t}
			layers, err := bareStep(&c)
			if err == nil {
				err = r.measure(layers, b, rounds)
			}
			if err = errors.Join(err, b.Close()); err != nil {
				return err
			}
			return r.tell(a.out, layers, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.Encoder, "encoder", "small", "small or resnet18")
	f.IntVar(&t.Image, "image", 64, "side of the square image, `px`")
	f.IntVar(&t.Batch, "batch", 64, "pairs a step")
	f.IntVar(&t.Bank, "bank", 4096, "keys")
	f.IntVar(&t.Steps, "steps", 5, "steps of each round")
	f.IntVar(&rounds, "rounds", 7, "how often steps and layers take turns")
	f.IntVar(&t.Threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// timedLayer is a layer and how long each of its passes took.
type timedLayer struct {
	name   string
	bare   *kernel.Bare
	times  int // its forward pass is taken
	first  bool
	keys   bool // scores against the bank, toward which no gradient is computed
	passes [3]timings
}

// bareStep is the layers of a MoCo step.
func bareStep(c *config.Config) ([]*timedLayer, error) {
	set := settings(c, "bench")
	spec := set.Spec()
	counted, err := model.Layers(spec, c.Sampler.Batch)
	if err != nil {
		return nil, err
	}
	var out []*timedLayer
	for _, l := range counted {
		t := &timedLayer{name: l.Name, times: 2, first: l.First} // queries and keys
		if l.K == 0 {
			t.bare = kernel.BareProduct(l.N, l.In, l.Out)
		} else if t.bare, err = kernel.BareConv(l.N, l.H, l.W, l.In, l.Out, l.K, l.Stride, l.Pad); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	scores := kernel.BareProduct(c.Sampler.Batch, set.Projection, set.Bank)
	return append(out, &timedLayer{name: "scores against the bank", bare: scores, times: 1, keys: true}), nil
}

// computed says which passes a step takes: no gradient flows to pictures or to keys.
func (l *timedLayer) computed() [3]bool { return [3]bool{true, !l.first, !l.keys} }

// run takes every pass of the layer and returns what the step spends on them.
func (l *timedLayer) run() (time.Duration, error) {
	var sum time.Duration
	for i, run := range []func() error{l.bare.Forward, l.bare.ToData, l.bare.ToWeights} {
		if !l.computed()[i] {
			continue
		}
		for n := range l.times {
			if i > 0 && n > 0 {
				break // gradients are computed once
			}
			start := time.Now()
			if err := run(); err != nil {
				return 0, err
			}
			took := time.Since(start)
			l.passes[i].add(took)
			sum += took
		}
	}
	return sum, nil
}

// flops is what a step computes of the layer.
func (l *timedLayer) flops() float64 {
	n := l.times - 1
	for _, yes := range l.computed() {
		if yes {
			n++
		}
	}
	return float64(n) * l.bare.Flops
}

// floor is the least the layer ever took of a step, ms.
func (l *timedLayer) floor() float64 {
	sum := float64(l.times-1) * l.passes[0].min()
	for i, yes := range l.computed() {
		if yes {
			sum += l.passes[i].min()
		}
	}
	return sum
}

// measure lets steps and layers take turns.
func (r *roofline) measure(layers []*timedLayer, b *train.Bench, rounds int) error {
	var steps, bare, shares timings
	var busySteps, busyBare float64
	for range rounds {
		var inRound, alone timings
		busy, err := spent(func() error { return inRound.steps(b, r.Steps) })
		if err != nil {
			return err
		}
		busySteps += busy
		if busy, err = spent(func() error { return alone.layers(layers, r.Steps) }); err != nil {
			return err
		}
		busyBare += busy
		steps, bare = append(steps, inRound...), append(bare, alone...)
		shares = append(shares, alone.median()/inRound.median())
	}
	for _, l := range layers {
		r.GFlop += l.flops() / 1e9
		r.BareFloorMS += l.floor()
	}
	r.BusyMS, r.ShareBusy = tenths(busySteps/float64(len(steps))), hundredths(busyBare/busySteps)
	r.Program, r.Steps = "nearfar "+built().Version, len(steps)
	r.MedianMS, r.MinMS, r.MaxMS = tenths(steps.median()), tenths(steps.min()), tenths(steps.max())
	r.FramesPS = tenths(float64(r.Batch) / steps.median() * 1e3)
	r.BareMS, r.BareMinMS, r.BareMaxMS = tenths(bare.median()), tenths(bare.min()), tenths(bare.max())
	r.BareGFlopPS, r.Share, r.ShareMin = tenths(r.GFlop/bare.median()*1e3), hundredths(shares.median()), hundredths(r.BareFloorMS/steps.min())
	r.GFlop, r.BareFloorMS = hundredths(r.GFlop), tenths(r.BareFloorMS)
	return nil
}

// layers takes all passes of a step n times and adds how long each time took.
func (t *timings) layers(layers []*timedLayer, n int) error {
	for range n {
		var sum time.Duration
		for _, l := range layers {
			took, err := l.run()
			if err != nil {
				return err
			}
			sum += took
		}
		t.add(sum)
	}
	return nil
}

// line is a layer as it is told.
func (l *timedLayer) line() bareLayer {
	b := bareLayer{Layer: l.name, Times: l.times}
	sum := 0.0
	for i, into := range []*float64{&b.Forward, &b.ToData, &b.ToWeights} {
		if len(l.passes[i]) > 0 {
			*into = hundredths(l.passes[i].median())
			sum += l.passes[i].median()
		}
	}
	sum += float64(l.times-1) * l.passes[0].median()
	b.GFlopPS = tenths(l.flops() / sum / 1e6)
	return b
}

func (r *roofline) tell(w io.Writer, layers []*timedLayer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		for _, l := range layers {
			if err := e.Encode(l.line()); err != nil {
				return err
			}
		}
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s, %d px, batch %d, bank %d, f32, %d threads (%s), oneDNN %s\n\n%-36s %10s %10s %10s %9s\n", r.Encoder, r.Image, r.Batch,
		r.Bank, r.Threads, kernel.CPUISA(), kernel.Version(), "plain oneDNN, ms", "forward", "to data", "to weights", "GFLOP/s")
	for _, l := range layers {
		b := l.line()
		fmt.Fprintf(w, "%-36s %10.2f %10.2f %10.2f %9.1f\n", b.Layer, b.Forward, b.ToData, b.ToWeights, b.GFlopPS)
	}
	_, err := fmt.Fprintf(w, `
%.2f GFLOP a step, plain: median %.1f ms, min %.1f, max %.1f (%.0f GFLOP/s); the least of every pass %.1f ms
whole step: median %.1f ms, min %.1f, max %.1f
plain oneDNN is %.0f%% of the step by medians, %.0f%% by minima, %.0f%% by processor time
`, r.GFlop, r.BareMS, r.BareMinMS, r.BareMaxMS, r.BareGFlopPS, r.BareFloorMS, r.MedianMS, r.MinMS, r.MaxMS, 100*r.Share, 100*r.ShareMin, 100*r.ShareBusy)
	return err
}
