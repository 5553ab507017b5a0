package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// replayBench is what `nearfar bench replay` was asked for.
type replayBench struct {
	images, policies string
	passes, seeds    int
	streamed         float64
	asJSON           bool
}

func newBenchReplayCmd(a *app) *cobra.Command {
	var b replayBench
	cmd := &cobra.Command{
		Use: "replay", Short: "Train on one correlated stream of labelled things with each replay policy, and compare", Args: cobra.NoArgs,
		Long: `Makes one correlated stream of the pictures of a labelled folder (one folder a thing, its pictures in order, ten
a second): one visit of a thing after the other, in random order, --passes times each, ten seconds between
visits. The first things, --streamed of them, are streamed; the others are never seen. The trainer takes every
frame once, with each replay policy and seed in turn, and the table says how often a picture finds its thing
among one known picture of each (1-NN by cosine): among the streamed things, and among those never streamed.

The rest of the recipe is the configuration's; bench/coil.yaml is made for turntable objects.`,
		Example: "  nearfar bench replay --images objects/ --config bench/coil.yaml",
	}
	flags := a.addConfigFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&b.images, "images", "", "a `folder` with one folder of ordered pictures a thing")
	f.StringVar(&b.policies, "policies", strings.Join(sampler.ReplayPolicies(), ","), "replay `policies`, separated by commas")
	f.IntVar(&b.passes, "passes", 6, "visits of each thing")
	f.IntVar(&b.seeds, "seeds", 3, "seeds 0, 1, … of weights, draws and the order of visits")
	f.Float64Var(&b.streamed, "streamed", 2./3, "`share` of the things that are streamed")
	f.BoolVar(&b.asJSON, "json", false, "as JSON lines")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		policies := strings.Split(b.policies, ",")
		for _, p := range policies {
			if !slices.Contains(sampler.ReplayPolicies(), p) {
				return usagef(cmd.CommandPath(), "replay policy %q is unknown, there are %s", p, strings.Join(sampler.ReplayPolicies(), ", "))
			}
		}
		if b.images == "" || b.passes < 1 || b.seeds < 1 || !(b.streamed > 0 && b.streamed < 1) {
			return usagef(cmd.CommandPath(), "--images DIR, at least one pass and seed, and a --streamed share between 0 and 1 are needed")
		}
		c, err := flags.load(cmd)
		if err != nil {
			return err
		}
		useThreads(c.Run.Threads)
		return a.benchReplay(c, b, policies)
	}
	return cmd
}

// replayRow is one line: a policy and a seed; with Seed −1 the mean over all seeds. Shares in [0, 1].
type replayRow struct {
	Policy   string  `json:"policy"` // "" for raw pixels and the untrained encoder
	Name     string  `json:"name"`
	Seed     int     `json:"seed"`
	Steps    uint64  `json:"steps"`
	Streamed float64 `json:"streamed"`
	Unseen   float64 `json:"unseen"`
}

func (a *app) benchReplay(c *config.Config, b replayBench, policies []string) error {
	frames, labels, err := look.Labelled(b.images, c.Sampler.Image)
	if err != nil {
		return err
	}
	things := slices.Compact(slices.Clone(labels)) // look.Labelled lists one thing after the other
	n := int(b.streamed*float64(len(things)) + 0.5)
	if n < 2 || len(things)-n < 2 {
		return fmt.Errorf("%d of the %d things in %s would be streamed: there must be two that are and two that are not", n, len(things), b.images)
	}
	g := gallery{frames: frames, labels: labels, streamed: things[:n]}
	raw, err := g.score(look.Raw(frames), 3*c.Sampler.Image*c.Sampler.Image)
	if err != nil {
		return err
	}
	untrained, err := g.untrained(*c)
	if err != nil {
		return err
	}
	raw.Name, untrained.Name, raw.Seed = "raw pixels", "untrained", -1
	rows := []replayRow{raw, untrained}
	if b.asJSON {
		for _, row := range rows {
			if err := json.NewEncoder(a.out).Encode(row); err != nil {
				return err
			}
		}
	}
	for _, policy := range policies {
		for s := range b.seeds {
			row, err := g.run(*c, b, policy, uint64(s))
			if err != nil {
				return fmt.Errorf("policy %s, seed %d: %w", policy, s, err)
			}
			rows = append(rows, row)
			if b.asJSON {
				if err := json.NewEncoder(a.out).Encode(row); err != nil {
					return err
				}
			}
		}
	}
	if b.asJSON {
		return nil
	}
	return tellReplay(a.out, rows, policies, b.seeds)
}

// gallery is all pictures, and which things are streamed.
type gallery struct {
	frames   []*frame.Frame
	labels   []string
	streamed []string
}

// score is one-view accuracy within the streamed things and within the others.
func (g gallery) score(vectors []float32, dim int) (row replayRow, err error) {
	for _, part := range []struct {
		in  bool
		out *float64
	}{{true, &row.Streamed}, {false, &row.Unseen}} {
		var v []float32
		var l []string
		for i, label := range g.labels {
			if slices.Contains(g.streamed, label) == part.in {
				v, l = append(v, vectors[i*dim:(i+1)*dim]...), append(l, label)
			}
		}
		set, err := eval.NewSet(dim, v, l, nil)
		if err != nil {
			return row, err
		}
		*part.out = eval.OneView(set)
	}
	return row, nil
}

// stream is the visits, every frame a copy with a time of its own.
func (g gallery) stream(passes int, s seed.Seed) []*frame.Frame {
	at, seq := time.Unix(0, 0).UTC(), uint64(0)
	var out []*frame.Frame
	for pass := range passes {
		r := s.Rand(uint64(pass))
		for _, thing := range r.Perm(len(g.streamed)) {
			var views []*frame.Frame
			for i, label := range g.labels {
				if label == g.streamed[thing] {
					views = append(views, g.frames[i])
				}
			}
			start := r.IntN(len(views))
			for i := range views {
				f := *views[(start+i)%len(views)]
				f.Camera, f.Rig, f.Seq, f.Captured, f.Logged = "stream", "stream", seq, at, at
				f.Ref = frame.Ref{Topic: "bench", Offset: int64(seq)}
				out = append(out, &f)
				at, seq = at.Add(100*time.Millisecond), seq+1
			}
			at = at.Add(10 * time.Second)
		}
	}
	return out
}

// untrained scores the network of seed 0 before its first step.
func (g gallery) untrained(c config.Config) (row replayRow, err error) {
	c.Run.Seed = 0
	set := settings(&c, "bench")
	study, err := train.Offline(set, g.stream(1, seed.New(0)), 0)
	if err != nil {
		return row, err
	}
	vectors, err := embedWith(study.Weights, g.frames)
	if err != nil {
		return row, err
	}
	return g.score(vectors, set.Model.Dim())
}

// run trains on the stream and scores what came of it.
func (g gallery) run(c config.Config, b replayBench, policy string, s uint64) (row replayRow, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.Run.Seed, c.Sampler.Replay.Policy = s, policy
	set := settings(&c, "bench")
	set.Every = 0
	t, err := train.New(set, "", train.Outputs{})
	if err != nil {
		return row, err
	}
	for _, f := range g.stream(b.passes, seed.New(s).At("visits")) {
		if err := t.Receive(f); err != nil {
			return row, errors.Join(err, t.Close())
		}
	}
	if err := t.Finish(); err != nil {
		return row, errors.Join(err, t.Close())
	}
	vectors, err := embedWith(t.Weights(), g.frames)
	if err == nil {
		row, err = g.score(vectors, set.Model.Dim())
	}
	row.Policy, row.Name, row.Seed, row.Steps = policy, policy, int(s), t.Counts().Steps
	return row, errors.Join(err, t.Close())
}

func tellReplay(w io.Writer, rows []replayRow, policies []string, seeds int) error {
	fmt.Fprintf(w, "%-12s %6s %8s %10s %8s\n", "policy", "seed", "steps", "streamed", "unseen")
	line := func(name, seed string, steps uint64, r replayRow) {
		fmt.Fprintf(w, "%-12s %6s %8d %9.1f%% %7.1f%%\n", name, seed, steps, 100*r.Streamed, 100*r.Unseen)
	}
	line(rows[0].Name, "", 0, rows[0])
	line(rows[1].Name, "0", 0, rows[1])
	for _, policy := range policies {
		mean := replayRow{}
		for _, r := range rows {
			if r.Policy == policy {
				line(policy, fmt.Sprint(r.Seed), r.Steps, r)
				mean.Streamed += r.Streamed / float64(seeds)
				mean.Unseen += r.Unseen / float64(seeds)
				mean.Steps = r.Steps
			}
		}
		line(policy, "mean", mean.Steps, mean)
	}
	_, err := fmt.Fprintln(w, "\none-view accuracy: 1-NN by cosine against the first picture of each thing, streamed and unseen things apart")
	return err
}
