package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
)

func newBenchCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure how fast this machine is, and how well is learned", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newBenchStepCmd(a), newBenchObjectivesCmd(a), newBenchViewsCmd(a), newBenchReplayCmd(a),
		newBenchSearchCmd(a), newBenchRooflineCmd(a), newBenchEmbedCmd(a), idles(newBenchIngestCmd(a)), newBenchPipelineCmd(a))
	return cmd
}

// stepTiming has the fields of the PyTorch peer in bench/, so that the two are compared line by line.
type stepTiming struct {
	Program   string `json:"program"`
	Encoder   string `json:"encoder"`
	Image     int    `json:"image"`
	Batch     int    `json:"batch"`
	Bank      int    `json:"bank"`
	Steps     int    `json:"steps"`
	Threads   int    `json:"threads"`
	Layout    string `json:"layout"`
	Precision string `json:"precision"`
	clocked
	FramesPS float64 `json:"frames_per_s"`
}

func newBenchStepCmd(a *app) *cobra.Command {
	t := stepTiming{Layout: "nhwc"}
	var asJSON bool
	cmd := &cobra.Command{
		Use: "step", Short: "Time whole training steps: two views of a batch to new weights", Args: cobra.NoArgs,
		Long: `Times training steps on random images: query forward and backward, key forward, momentum update,
InfoNCE against a full bank, optimiser. No decoding and no sampling.`,
		Example: "  nearfar bench step --encoder resnet18 --batch 32 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Steps < 1 {
				return usagef(cmd.CommandPath(), "--steps must be at least 1")
			}
			if err := timeSteps(&t); err != nil {
				return usagef(cmd.CommandPath(), "%w", err)
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(t)
			}
			_, err := fmt.Fprintf(a.out, "%s, %d px, batch %d, bank %d, %s, %d threads (%s): %v a step, %.0f frames/s\n",
				t.Encoder, t.Image, t.Batch, t.Bank, t.Precision, t.Threads, kernel.CPUISA(), t.clocked, t.FramesPS)
			return err
		},
	}
	f := cmd.Flags()
	t.flags(f)
	f.IntVar(&t.Steps, "steps", 30, "steps that are timed, after three that are not")
	f.BoolVar(&asJSON, "json", false, "as a JSON object")
	return cmd
}

// flags say which step is timed.
func (t *stepTiming) flags(f *pflag.FlagSet) {
	f.StringVar(&t.Encoder, "encoder", "small", strings.Join(model.Encoders(), ", "))
	f.IntVar(&t.Image, "image", 64, "side of the square image, `px`")
	f.IntVar(&t.Batch, "batch", 64, "pairs a step")
	f.IntVar(&t.Bank, "bank", 4096, "keys")
	f.IntVar(&t.Threads, "threads", 0, "threads of computation (default: all cores)")
	f.StringVar(&t.Precision, "precision", "auto", "f32, bf16, or auto: bf16 where the processor has it")
}

// timeSteps fills in the figures.
func timeSteps(t *stepTiming) error {
	b, err := t.bench()
	if err != nil {
		return err
	}
	defer runtime.UnlockOSThread()
	var ms timings
	busy, err := spent(func() error { return ms.steps(b, t.Steps) })
	if err != nil {
		return errors.Join(err, b.Close())
	}
	t.tell(ms, busy)
	return b.Close()
}

// tell fills in the figures of steps that took so much processor time together, ms.
func (t *stepTiming) tell(steps timings, busy float64) {
	t.Program, t.Steps, t.clocked = "nearfar "+built().Version, len(steps), steps.told(busy)
	t.FramesPS = tenths(float64(t.Batch) / steps.median() * 1e3)
}

// bench is a learner ready for timed steps, with the optimiser of the peer. It holds the calling goroutine's
// thread, which is the caller's to give back.
func (t *stepTiming) bench() (*train.Bench, error) {
	if t.Batch < 1 || t.Bank < 1 {
		return nil, fmt.Errorf("--batch and --bank must be at least 1")
	}
	p, err := kernel.ParsePrecision(t.Precision)
	if err != nil {
		return nil, fmt.Errorf("--precision: %w", err)
	}
	t.Threads, t.Precision = useThreads(t.Threads), p.String()
	c := t.config()
	runtime.LockOSThread()
	b, err := train.NewBench(settings(&c, "bench"))
	if err != nil {
		runtime.UnlockOSThread()
	}
	return b, err
}

// steps takes n steps and adds how long each took.
func (t *timings) steps(b *train.Bench, n int) error {
	for range n {
		took, err := b.Step()
		if err != nil {
			return err
		}
		t.add(took)
	}
	return nil
}

func (t *stepTiming) config() config.Config {
	c := config.Defaults()
	c.Model.Encoder, c.Sampler.Image, c.Sampler.Batch, c.Bank.Size, c.Run.Precision = t.Encoder, t.Image, t.Batch, t.Bank, t.Precision
	c.Model.KeyMomentum, c.Train.Optimizer, c.Train.LR = 0.999, "sgd", 0.03
	return c
}
