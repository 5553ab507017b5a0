package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
)

// embedTiming has the fields of the peers in bench/.
type embedTiming struct {
	Program   string  `json:"program"`
	Encoder   string  `json:"encoder"`
	Image     int     `json:"image"`
	Batch     int     `json:"batch"`
	Threads   int     `json:"threads"`
	Precision string  `json:"precision"`
	clocked           // a batch
	FramesPS  float64 `json:"frames_per_s"`
}

func newBenchEmbedCmd(a *app) *cobra.Command {
	var t embedTiming
	var rounds int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "embed", Short: "Time the encoder alone: batches of pictures to embeddings", Args: cobra.NoArgs,
		Long: `Times what ` + "`nearfar embed`" + ` and the embeddings of a run take of the network: weights that rest, batch norms folded
into the convolutions. No decoding.`,
		Example: "  nearfar bench embed --encoder resnet18 --batch 32 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Batch < 1 || rounds < 1 {
				return usagef(cmd.CommandPath(), "--batch and --rounds must be at least 1")
			}
			p, err := kernel.ParsePrecision(t.Precision)
			if err != nil {
				return usagef(cmd.CommandPath(), "--precision: %w", err)
			}
			t.Precision = p.String()
			c := config.Defaults()
			c.Model.Encoder, c.Sampler.Image = t.Encoder, t.Image
			if err := c.Spec().Check(); err != nil {
				return usagef(cmd.CommandPath(), "%w", err)
			}
			if err := t.measure(c.Spec(), p, rounds); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(t)
			}
			_, err = fmt.Fprintf(a.out, "%s, %d px, batch %d, %s, %d threads (%s): %v a batch, %.0f frames/s\n",
				t.Encoder, t.Image, t.Batch, t.Precision, t.Threads, kernel.CPUISA(), t.clocked, t.FramesPS)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&t.Encoder, "encoder", "small", strings.Join(model.Encoders(), ", "))
	f.IntVar(&t.Image, "image", 64, "side of the square image, `px`")
	f.IntVar(&t.Batch, "batch", embedBatch, "pictures at a time")
	f.StringVar(&t.Precision, "precision", "f32", "f32, bf16, or auto: bf16 where the processor has it")
	f.IntVar(&rounds, "rounds", 30, "batches that are timed, after one that is not")
	f.IntVar(&t.Threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&asJSON, "json", false, "as a JSON object")
	return cmd
}

func (t *embedTiming) measure(spec model.Spec, p kernel.Precision, rounds int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t.Threads = useThreads(t.Threads)
	w, err := model.NewWeights(spec, seed.New(1))
	if err != nil {
		return err
	}
	w.Precision = p
	net, err := model.NewInference(w, t.Batch, kernel.Eval)
	if err != nil {
		return err
	}
	net.Hold()
	r := seed.New(1).At("pictures").Rand()
	for i := range net.Input() {
		net.Input()[i] = 4*r.Float32() - 2
	}
	t.clocked, err = timed(rounds, func() error { _, err := net.Run(); return err })
	if err := errors.Join(err, net.Close()); err != nil {
		return err
	}
	t.Program = "nearfar " + built().Version
	t.FramesPS = tenths(float64(t.Batch) / t.MedianMS * 1e3)
	return nil
}
