package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// viewsBench is what `nearfar bench views` was asked for.
type viewsBench struct {
	rig, objective           string
	steps, folds, seeds, far int
	stride, batch, threads   int
	asJSON                   bool
}

func newBenchViewsCmd(a *app) *cobra.Command {
	var b viewsBench
	cmd := &cobra.Command{
		Use: "views", Short: "Train on recordings of a rig and score how well it finds instants across cameras in those left out", Args: cobra.NoArgs,
		Long: `Leaves one group of recordings out after the other (of a single recording, one stretch of its instants), trains
the encoder on the views of the others with a time-contrastive objective between cameras, and prints the
alignment error on what was left out (mean |t − t_nn| / length over pairs of views; 0 at best, a third by
chance) beside raw pixels and the untrained encoder. DIR is laid out as for ` + "`nearfar eval --rig`." + `

Instants of a recording count as one second apart; --far says from how many on they are negatives.`,
		Example: "  nearfar bench views --rig recordings/ --folds 4",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.rig == "" || b.steps < 1 || b.folds < 2 || b.seeds < 1 || b.far < 1 || b.batch < 2 || b.stride < 1 {
				return usagef(cmd.CommandPath(), "--rig DIR, at least 2 --folds, a --batch of at least 2, and --steps, --seeds, --far and --stride of at least 1 are needed")
			}
			if b.objective != "npairs" && b.objective != "triplet" {
				return usagef(cmd.CommandPath(), "--objective %q must be npairs or triplet", b.objective)
			}
			useThreads(b.threads)
			return a.benchViews(cmd.Context(), b)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.rig, "rig", "", "a `folder` of a rig's recordings")
	f.StringVar(&b.objective, "objective", "npairs", "npairs or triplet")
	f.IntVar(&b.steps, "steps", 300, "training steps for each fold and seed")
	f.IntVar(&b.folds, "folds", 4, "groups, each left out once")
	f.IntVar(&b.seeds, "seeds", 3, "seeds 0, 1, … of weights and draws")
	f.IntVar(&b.far, "far", 1, "from how many instants apart on frames of a recording are negatives")
	f.IntVar(&b.stride, "stride", 1, "look at every `n`-th instant")
	f.IntVar(&b.batch, "batch", 64, "anchors a step")
	f.IntVar(&b.threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&b.asJSON, "json", false, "as JSON lines")
	return cmd
}

// viewsRow is one line: a fold and a seed, or with Fold −1 the mean over all.
type viewsRow struct {
	Fold      int     `json:"fold"`
	Seed      int     `json:"seed"`
	Chance    float64 `json:"chance"`
	Raw       float64 `json:"raw_pixels"`
	Untrained float64 `json:"untrained"`
	Trained   float64 `json:"trained"`
	Ratio     float64 `json:"ratio"` // trained to untrained
}

func (a *app) benchViews(ctx context.Context, b viewsBench) error {
	c := config.Defaults()
	rigs, err := readRigs(ctx, b.rig, c.Sampler.Image, b.stride)
	if err != nil {
		return err
	}
	folds, err := leaveOut(rigs, b.folds)
	if err != nil {
		return err
	}
	var rows []viewsRow
	for fold, f := range folds {
		for seed := range b.seeds {
			row, err := f.run(c, b, uint64(seed))
			if err != nil {
				return fmt.Errorf("fold %d, seed %d: %w", fold, seed, err)
			}
			row.Fold, row.Seed = fold, seed
			rows = append(rows, row)
			if b.asJSON {
				if err := json.NewEncoder(a.out).Encode(row); err != nil {
					return err
				}
			}
		}
	}
	if b.asJSON {
		return json.NewEncoder(a.out).Encode(meanRow(rows))
	}
	return tellViews(a.out, b, rows)
}

// readRigs reads the recordings beneath a folder, and dates their frames: a second an instant, an hour a
// recording.
func readRigs(ctx context.Context, dir string, size, stride int) ([]look.Rig, error) {
	recordings, err := eval.Recordings(dir)
	if err != nil {
		return nil, err
	}
	var rigs []look.Rig
	for i, rec := range recordings {
		rig, _, err := readRecording(ctx, rec, size, stride)
		if err != nil {
			return nil, err
		}
		for c, frames := range rig.Cameras {
			for t, f := range frames {
				f.Camera, f.Rig, f.Seq = fmt.Sprintf("recording%d.camera%d", i, c), fmt.Sprintf("recording%d", i), uint64(t)
				f.Captured = time.Unix(int64(i)*3600+int64(t), 0).UTC()
			}
		}
		rigs = append(rigs, rig)
	}
	return rigs, nil
}

// fold is what is trained on and what is left out.
type fold struct{ train, test []look.Rig }

// leaveOut deals recordings into groups, one left out by each fold; a single recording is cut into stretches.
func leaveOut(rigs []look.Rig, n int) ([]fold, error) {
	if len(rigs) == 1 {
		return stretches(rigs[0], n)
	}
	if len(rigs) < n {
		return nil, fmt.Errorf("%d recordings cannot be dealt into %d groups; choose fewer --folds", len(rigs), n)
	}
	folds := make([]fold, n)
	for i, r := range rigs {
		for k := range folds {
			if i*n/len(rigs) == k {
				folds[k].test = append(folds[k].test, r)
			} else {
				folds[k].train = append(folds[k].train, r)
			}
		}
	}
	return folds, nil
}

// stretches leaves one stretch of a recording out after the other; what lies before and after it is trained on
// as two recordings.
func stretches(r look.Rig, n int) ([]fold, error) {
	instants := len(r.Cameras[0])
	if instants < 4*n {
		return nil, fmt.Errorf("%d instants cannot be cut into %d stretches; choose fewer --folds", instants, n)
	}
	cut := func(from, to int) look.Rig {
		part := look.Rig{Name: fmt.Sprintf("%s, instants %d to %d", r.Name, from, to-1)}
		for _, frames := range r.Cameras {
			part.Cameras = append(part.Cameras, frames[from:to])
		}
		return part
	}
	folds := make([]fold, n)
	for k := range folds {
		from, to := k*instants/n, (k+1)*instants/n
		folds[k].test = []look.Rig{cut(from, to)}
		if from > 0 {
			folds[k].train = append(folds[k].train, cut(0, from))
		}
		if to < instants {
			folds[k].train = append(folds[k].train, cut(to, instants))
		}
	}
	return folds, nil
}

// run trains on a fold's recordings and scores the ones left out.
func (f fold) run(c config.Config, b viewsBench, seed uint64) (viewsRow, error) {
	var frames []*frame.Frame
	for _, r := range f.train {
		for t := range r.Cameras[0] { // in order of capture, camera by camera
			for _, camera := range r.Cameras {
				frames = append(frames, camera[t])
			}
		}
	}
	c.Run.Seed, c.Sampler.Batch = seed, b.batch
	c.Objectives = []objective.Config{objective.Config{Kind: b.objective, Positives: "view"}.WithDefaults()}
	c.Sampler.Near, c.Sampler.Far, c.Sampler.Gap = 500*time.Millisecond, time.Duration(b.far)*time.Second, time.Minute
	c.Sampler.Views, c.Sampler.Partners = 1, 0
	c.Sampler.Replay.Policy, c.Sampler.Replay.Size, c.Sampler.Replay.Newest = "fifo", len(frames), 0
	set := settings(&c, "bench")
	set.Decay = uint64(b.steps)
	row := viewsRow{Chance: look.ViewChance(f.test, cycleWithin).Alignment}
	size := set.Model.Image
	var raw [][]float32
	for _, r := range f.test {
		raw = append(raw, look.Raw(r.Frames()))
	}
	pixels, err := look.JudgeViews("raw", f.test, raw, 3*size*size, cycleWithin)
	if err != nil {
		return row, err
	}
	row.Raw = pixels.Alignment
	for _, steps := range []int{0, b.steps} {
		study, err := train.Offline(set, frames, steps)
		if err != nil {
			return row, err
		}
		vectors, err := embedRigs(network{weights: study.Weights}, f.test)
		if err != nil {
			return row, err
		}
		s, err := look.JudgeViews("", f.test, vectors, study.Weights.Spec.Width(), cycleWithin)
		if err != nil {
			return row, err
		}
		if steps == 0 {
			row.Untrained = s.Alignment
		} else {
			row.Trained = s.Alignment
		}
	}
	row.Ratio = row.Trained / row.Untrained
	return row, nil
}

// meanRow is the mean over folds and seeds; its ratio is that of the means.
func meanRow(rows []viewsRow) viewsRow {
	m := viewsRow{Fold: -1, Seed: -1}
	n := float64(len(rows))
	for _, r := range rows {
		m.Chance += r.Chance / n
		m.Raw += r.Raw / n
		m.Untrained += r.Untrained / n
		m.Trained += r.Trained / n
	}
	m.Ratio = m.Trained / m.Untrained
	return m
}

func tellViews(w io.Writer, b viewsBench, rows []viewsRow) error {
	fmt.Fprintf(w, "alignment error on what was left out of %s: %s between views, %d steps of %d\n\n%6s %5s %8s %11s %10s %8s %7s\n",
		b.rig, b.objective, b.steps, b.batch, "fold", "seed", "chance", "raw pixels", "untrained", "trained", "ratio")
	for _, r := range append(rows, meanRow(rows)) {
		name, seed := fmt.Sprint(r.Fold), fmt.Sprint(r.Seed)
		if r.Fold < 0 {
			name, seed = "mean", ""
		}
		if _, err := fmt.Fprintf(w, "%6s %5s %8.3f %11.3f %10.3f %8.3f %7.2f\n", name, seed, r.Chance, r.Raw, r.Untrained, r.Trained, r.Ratio); err != nil {
			return err
		}
	}
	return nil
}
