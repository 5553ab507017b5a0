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
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// viewsBench is what `nearfar bench views` was asked for.
type viewsBench struct {
	rig                         string
	steps, folds, seeds, stride int
	asJSON                      bool
}

func newBenchViewsCmd(a *app) *cobra.Command {
	var b viewsBench
	cmd := &cobra.Command{
		Use: "views", Short: "Train on recordings of a rig and score how well it finds instants across cameras in those left out", Args: cobra.NoArgs,
		Long: `Leaves one group of recordings out after the other (of a single recording, one stretch of its instants), trains
on the views of the others, and prints the alignment error on what was left out (mean |t − t_nn| / length over pairs
of views; 0 at best, a third by chance) beside raw pixels and the untrained encoder: once by the encoder's output, and
once by that of the objective's head, which is what time-contrastive networks call the embedding. DIR is laid out as
for ` + "`nearfar eval --rig`." + `

The recipe is the configuration's; bench/views.yaml is made for it. Instants of a recording count as one second
apart, so that sampler.far: 3s makes those negatives that are three instants apart.`,
		Example: "  nearfar bench views --rig recordings/ --config bench/views.yaml",
	}
	flags := a.addConfigFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&b.rig, "rig", "", "a `folder` of a rig's recordings")
	f.IntVar(&b.steps, "steps", 300, "training steps for each fold and seed")
	f.IntVar(&b.folds, "folds", 4, "groups, each left out once")
	f.IntVar(&b.seeds, "seeds", 3, "seeds 0, 1, … of weights and draws")
	f.IntVar(&b.stride, "stride", 1, "look at every `n`-th instant")
	f.BoolVar(&b.asJSON, "json", false, "as JSON lines")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if b.rig == "" || b.steps < 1 || b.folds < 2 || b.seeds < 1 || b.stride < 1 {
			return usagef(cmd.CommandPath(), "--rig DIR, at least 2 --folds, and --steps, --seeds and --stride of at least 1 are needed")
		}
		c, err := flags.load(cmd)
		if err != nil {
			return err
		}
		if len(c.Objectives) != 1 {
			return usagef(cmd.CommandPath(), "one objective can be benched at a time, the configuration has %d", len(c.Objectives))
		}
		useThreads(c.Run.Threads)
		return a.benchViews(cmd.Context(), *c, b)
	}
	return cmd
}

// viewsRow is one line: a fold and a seed, or with Fold −1 the mean over all.
type viewsRow struct {
	Fold      int     `json:"fold"`
	Seed      int     `json:"seed"`
	Chance    float64 `json:"chance"`
	Raw       float64 `json:"raw_pixels"`
	Untrained float64 `json:"untrained"` // the encoder's output
	Trained   float64 `json:"trained"`
	Head      float64 `json:"head"`  // of the trained network, the head's output
	Ratio     float64 `json:"ratio"` // head to untrained
}

func (a *app) benchViews(ctx context.Context, c config.Config, b viewsBench) error {
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
	return tellViews(a.out, c.Objectives[0].Kind, b, rows)
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
	c.Run.Seed = seed
	c.Sampler.Skew, c.Sampler.Gap = 500*time.Millisecond, time.Minute
	c.Sampler.Replay.Policy, c.Sampler.Replay.Size, c.Sampler.Replay.Newest = sampler.ReplayFIFO, len(frames), 0
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
	score := func(w *model.Weights) (float64, error) {
		vectors, err := embedRigs(network{weights: w}, f.test)
		if err != nil {
			return 0, err
		}
		s, err := look.JudgeViews("", f.test, vectors, w.Spec.Dim(), cycleWithin)
		return s.Alignment, err
	}
	untrained, err := train.Offline(set, frames, 0)
	if err != nil {
		return row, err
	}
	if row.Untrained, err = score(untrained.Weights); err != nil {
		return row, err
	}
	head := c.Objectives[0].Name
	if _, err := untrained.Weights.Through(head); err != nil {
		return row, fmt.Errorf("scoring %s by its head: %w", c.Objectives[0].Kind, err)
	}
	trained, err := train.Offline(set, frames, b.steps)
	if err != nil {
		return row, err
	}
	if row.Trained, err = score(trained.Weights); err != nil {
		return row, err
	}
	through, err := trained.Weights.Through(head)
	if err != nil {
		return row, err
	}
	if row.Head, err = score(through); err != nil {
		return row, err
	}
	row.Ratio = row.Head / row.Untrained
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
		m.Head += r.Head / n
	}
	m.Ratio = m.Head / m.Untrained
	return m
}

func tellViews(w io.Writer, kind string, b viewsBench, rows []viewsRow) error {
	fmt.Fprintf(w, "alignment error on what was left out of %s: %s, %d steps; the ratio is head to untrained\n\n%6s %5s %8s %11s %10s %8s %8s %6s\n",
		b.rig, kind, b.steps, "fold", "seed", "chance", "raw pixels", "untrained", "trained", "head", "ratio")
	for _, r := range append(rows, meanRow(rows)) {
		name, seed := fmt.Sprint(r.Fold), fmt.Sprint(r.Seed)
		if r.Fold < 0 {
			name, seed = "mean", ""
		}
		if _, err := fmt.Fprintf(w, "%6s %5s %8.3f %11.3f %10.3f %8.3f %8.3f %6.2f\n", name, seed, r.Chance, r.Raw, r.Untrained, r.Trained, r.Head, r.Ratio); err != nil {
			return err
		}
	}
	return nil
}
