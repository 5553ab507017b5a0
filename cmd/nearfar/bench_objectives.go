package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// contest is one line of the table of objectives.
type contest struct {
	Objective string  `json:"objective"`
	Steps     int     `json:"steps"`
	First     float64 `json:"first_loss"` // mean of the first tenth of the steps
	Loss      float64 `json:"loss"`       // of the last tenth
	Accuracy  float64 `json:"accuracy"`   // own accuracy, of the last tenth
	Chance    float64 `json:"chance"`     // 0: there is nothing to be right about
	KNN       float64 `json:"knn"`
	Linear    float64 `json:"linear"`
	RankMe    float64 `json:"rankme"`
	MedianMS  float64 `json:"median_ms"` // a step, painting included
}

func newBenchObjectivesCmd(a *app) *cobra.Command {
	var images, only string
	var steps, batch, threads int
	var seed uint64
	var ordered, asJSON bool
	cmd := &cobra.Command{
		Use: "objectives", Short: "Train each objective for the same number of steps, and compare what it makes of labelled pictures", Args: cobra.NoArgs,
		Long: `Trains the encoder once for each objective on the pictures of a labelled folder (one folder a class), without
their labels, and prints one table: first and last loss, the objective's own accuracy beside chance, and how
well the embeddings tell the labels apart (weighted kNN of each picture against all others, and a linear
probe trained on every second picture and tested on the rest), RankMe, and the time of a step.

Pictures stand for themselves: positives are two looks at one picture, and objectives that need several
frames of a scene are left out. With --ordered the pictures of a folder are a recording, in their order, ten a
second, and near ones are positives.`,
		Example: "  nearfar bench objectives --images photos/ --steps 300",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if images == "" || steps < 10 || batch < 2 {
				return usagef(cmd.CommandPath(), "--images DIR, at least 10 --steps and a --batch of at least 2 are needed")
			}
			kinds := objective.Kinds()
			if only != "" {
				kinds = strings.Split(only, ",")
			}
			for _, k := range kinds {
				if !slices.Contains(objective.Kinds(), k) {
					return usagef(cmd.CommandPath(), "objective %q is unknown, there are %s", k, strings.Join(objective.Kinds(), ", "))
				}
			}
			useThreads(threads)
			c := config.Defaults()
			c.Run.Seed, c.Sampler.Batch = seed, batch
			return a.contest(&c, images, kinds, steps, ordered, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&images, "images", "", "a `folder` with one folder of pictures a class")
	f.StringVar(&only, "objectives", "", "these `kinds` alone, separated by commas (default: all that pictures allow)")
	f.IntVar(&steps, "steps", 300, "training steps of each")
	f.IntVar(&batch, "batch", 64, "anchors a step")
	f.IntVar(&threads, "threads", 0, "threads of computation (default: all cores)")
	f.Uint64Var(&seed, "seed", 1, "of weights and draws")
	f.BoolVar(&ordered, "ordered", false, "the pictures of a folder follow each other in time")
	f.BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// contest trains and scores one objective after the other.
func (a *app) contest(c *config.Config, images string, kinds []string, steps int, ordered, asJSON bool) error {
	frames, labels, err := look.Labelled(images, c.Sampler.Image)
	if err != nil {
		return err
	}
	arrange(frames, ordered)
	judge := func(name string, vectors []float32, dim int) (look.Score, error) {
		return look.Judge(name, vectors, dim, labels, dim < 1024)
	}
	raw, err := judge("raw pixels", look.Raw(frames), 3*c.Sampler.Image*c.Sampler.Image)
	if err != nil {
		return err
	}
	p := &contestPrinter{w: a.out, json: asJSON}
	p.head(len(frames), images, steps)
	p.line(contest{Objective: "raw pixels", KNN: raw.KNN})
	untrained := map[bool]bool{}
	for _, kind := range kinds {
		set, ok := contestant(*c, kind, ordered, len(frames))
		if !ok {
			continue
		}
		if !untrained[set.Model.Split] {
			untrained[set.Model.Split] = true
			if err := a.untrainedLine(set, frames, judge, p); err != nil {
				return err
			}
		}
		study, err := train.Offline(set, frames, steps)
		if err != nil {
			return fmt.Errorf("objective %s: %w", kind, err)
		}
		row := contest{Objective: kind, Steps: steps}
		row.tell(study)
		if err := row.score(study.Weights, frames, judge); err != nil {
			return fmt.Errorf("objective %s: %w", kind, err)
		}
		p.line(row)
	}
	return p.err
}

// contestant are the settings of one objective; false where pictures do not hold what it takes.
func contestant(c config.Config, kind string, ordered bool, frames int) (train.Settings, bool) {
	o := objective.Config{Kind: kind}
	if !ordered {
		if !objective.Still(kind) {
			return train.Settings{}, false
		}
		if o.WithDefaults().Positives != "" {
			o.Positives = "same"
		}
		c.Sampler.Augment.CropScale, c.Sampler.Augment.Flip = [2]float64{0.4, 1}, 0.5
	}
	if kind == "sla" {
		o.Labels = "label"
	}
	c.Model.Split = kind == "splitbrain"
	c.Objectives = []objective.Config{o.WithDefaults()}
	c.Sampler.Replay.Policy, c.Sampler.Replay.Size, c.Sampler.Replay.Newest = "fifo", frames, 0
	c.Sampler.Clip.Stride = 100 * time.Millisecond
	return settings(&c, "bench"), true
}

// arrange gives pictures cameras and times: each one of its own, or one camera a folder and ten a second.
func arrange(frames []*frame.Frame, ordered bool) {
	at := time.Unix(0, 0).UTC()
	count := map[string]uint64{}
	for i, f := range frames {
		f.Camera = fmt.Sprint("picture", i)
		if ordered {
			f.Camera = f.Label
		}
		f.Rig = f.Camera
		f.Seq = count[f.Camera]
		count[f.Camera]++
		f.Captured = at.Add(time.Duration(f.Seq) * 100 * time.Millisecond)
	}
}

// tell fills in what the steps told.
func (r *contest) tell(s train.Study) {
	tenth := max(1, len(s.Reports)/10)
	mean := func(reports []train.Report, of func(objective.Told) float64) float64 {
		sum, n := 0.0, 0.0
		for _, r := range reports {
			for _, t := range r.Told {
				if !t.Silent {
					sum, n = sum+of(t), n+1
				}
			}
		}
		return sum / max(1, n)
	}
	loss := func(t objective.Told) float64 { return float64(t.Loss) }
	last := s.Reports[len(s.Reports)-tenth:]
	r.First, r.Loss = mean(s.Reports[:tenth], loss), mean(last, loss)
	r.Accuracy = mean(last, func(t objective.Told) float64 { return float64(t.Accuracy) })
	r.Chance = mean(last, func(t objective.Told) float64 { return float64(t.Chance) })
	took := slices.Clone(s.Took)
	slices.Sort(took)
	r.MedianMS = tenths(float64(took[len(took)/2]) / float64(time.Millisecond))
}

// score fills in how well the encoder's embeddings tell the labels apart.
func (r *contest) score(w *model.Weights, frames []*frame.Frame, judge func(string, []float32, int) (look.Score, error)) error {
	vectors, err := embedWith(w, frames)
	if err != nil {
		return err
	}
	s, err := judge(r.Objective, vectors, w.Spec.Dim())
	r.KNN, r.Linear, r.RankMe = s.KNN, s.Linear, s.RankMe
	return err
}

// untrainedLine scores the encoder before its first step.
func (a *app) untrainedLine(set train.Settings, frames []*frame.Frame, judge func(string, []float32, int) (look.Score, error), p *contestPrinter) error {
	study, err := train.Offline(set, frames, 0)
	if err != nil {
		return err
	}
	row := contest{Objective: "untrained"}
	if set.Model.Split {
		row.Objective = "untrained, split"
	}
	if err := row.score(study.Weights, frames, judge); err != nil {
		return err
	}
	p.line(row)
	return nil
}

// contestPrinter writes the table as it grows.
type contestPrinter struct {
	w    io.Writer
	json bool
	err  error
}

func (p *contestPrinter) head(frames int, images string, steps int) {
	if p.json {
		return
	}
	fmt.Fprintf(p.w, "%d pictures of %s, %d steps each\n\n%-18s %9s %9s %9s %8s %7s %7s %7s %9s\n", frames, images, steps,
		"", "first", "loss", "accuracy", "chance", "kNN", "linear", "RankMe", "ms/step")
}

func (p *contestPrinter) line(r contest) {
	if p.json {
		if err := json.NewEncoder(p.w).Encode(r); err != nil {
			p.err = err
		}
		return
	}
	dash := func(ok bool, form string, x float64) string {
		if !ok {
			return "–"
		}
		return fmt.Sprintf(form, x)
	}
	asked := r.Steps > 0 && r.Chance > 0
	_, p.err = fmt.Fprintf(p.w, "%-18s %9s %9s %9s %8s %6.1f%% %7s %7s %9s\n", r.Objective, dash(r.Steps > 0, "%.3f", r.First), dash(r.Steps > 0, "%.3f", r.Loss),
		dash(asked, "%.1f%%", 100*r.Accuracy), dash(asked, "%.1f%%", 100*r.Chance), 100*r.KNN, dash(r.RankMe > 0, "%.1f%%", 100*r.Linear),
		dash(r.RankMe > 0, "%.1f", r.RankMe), dash(r.Steps > 0, "%.1f", r.MedianMS))
}
