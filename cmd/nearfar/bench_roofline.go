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
	t := stepTiming{Layout: "nhwc"}
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
			return r.print(a.out, layers, asJSON)
		},
	}
	f := cmd.Flags()
	t.flags(f)
	f.IntVar(&t.Steps, "steps", 5, "steps of each round")
	f.IntVar(&rounds, "rounds", 7, "how often steps and layers take turns")
	f.BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// timedLayer is a layer, how often a step takes each of its passes (forward, to data, to weights), and how long
// each took.
type timedLayer struct {
	name   string
	bare   *kernel.Bare
	takes  [3]int
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
		t := &timedLayer{name: l.Name, takes: [3]int{2, 1, 1}} // forward of queries and keys, gradients of queries
		if l.First {
			t.takes[1] = 0 // no gradient flows to pictures
		}
		if l.K == 0 {
			t.bare = kernel.BareProduct(l.N, l.In, l.Out)
		} else if t.bare, err = kernel.BareConv(l.N, l.H, l.W, l.In, l.Out, l.K, l.Stride, l.Pad, set.Precision); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	scores := kernel.BareProduct(c.Sampler.Batch, set.Projection, set.Bank)
	return append(out, &timedLayer{name: "scores against the bank", bare: scores, takes: [3]int{1, 1, 0}}), nil // nor to keys
}

// run takes every pass of the layer as often as a step does, and returns what the step spends on them.
func (l *timedLayer) run() (time.Duration, error) {
	var sum time.Duration
	for i, run := range []func() error{l.bare.Forward, l.bare.ToData, l.bare.ToWeights} {
		for range l.takes[i] {
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
	return float64(l.takes[0]+l.takes[1]+l.takes[2]) * l.bare.Flops
}

// each adds up a figure of the passes of a step, ms.
func (l *timedLayer) each(figure func(timings) float64) (sum float64) {
	for i, n := range l.takes {
		if n > 0 {
			sum += float64(n) * figure(l.passes[i])
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
		r.BareFloorMS += l.each(timings.min)
	}
	r.tell(steps, busySteps)
	r.ShareBusy = hundredths(busyBare / busySteps)
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
	b := bareLayer{Layer: l.name, Times: l.takes[0], GFlopPS: tenths(l.flops() / l.each(timings.median) / 1e6)}
	for i, into := range []*float64{&b.Forward, &b.ToData, &b.ToWeights} {
		if l.takes[i] > 0 {
			*into = hundredths(l.passes[i].median())
		}
	}
	return b
}

func (r *roofline) print(w io.Writer, layers []*timedLayer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		for _, l := range layers {
			if err := e.Encode(l.line()); err != nil {
				return err
			}
		}
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s, %d px, batch %d, bank %d, %s, %d threads (%s), oneDNN %s\n\n%-36s %10s %10s %10s %9s\n", r.Encoder, r.Image, r.Batch,
		r.Bank, r.Precision, r.Threads, kernel.CPUISA(), kernel.Version(), "plain oneDNN, ms", "forward", "to data", "to weights", "GFLOP/s")
	for _, l := range layers {
		b := l.line()
		fmt.Fprintf(w, "%-36s %10.2f %10.2f %10.2f %9.1f\n", b.Layer, b.Forward, b.ToData, b.ToWeights, b.GFlopPS)
	}
	_, err := fmt.Fprintf(w, `
%.2f GFLOP a step, plain: median %.1f ms, min %.1f, max %.1f (%.0f GFLOP/s); the least of every pass %.1f ms
whole step: %v
plain oneDNN is %.0f%% of the step by medians, %.0f%% by minima, %.0f%% by processor time
`, r.GFlop, r.BareMS, r.BareMinMS, r.BareMaxMS, r.BareGFlopPS, r.BareFloorMS, r.clocked, 100*r.Share, 100*r.ShareMin, 100*r.ShareBusy)
	return err
}
