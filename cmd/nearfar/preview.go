package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/internal/sheet"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// errFull ends the reading of sources once there are enough frames.
var errFull = errors.New("enough frames")

func newPreviewCmd(a *app) *cobra.Command {
	var kind, checkpoint, out string
	var rows, frames int
	cmd := &cobra.Command{
		Use: "preview", Short: "Draw what an objective shows the network and, given a checkpoint, what it answers", Args: cobra.NoArgs,
		Long: `Reads frames from sources (no Kafka, no training), forms one batch as training would, and draws what the
objective makes of it: the two views of a pair, the tiles of a puzzle, the hole to fill. With --checkpoint the
network of a run that was trained for the objective answers, and its answers are drawn beside: the filled hole,
the colours, the solved puzzle.`,
		Example: `  nearfar preview --objective jigsaw --source clip.mp4 --out p.png
  nearfar preview --objective inpaint --source clip.mp4 --checkpoint runs/mine --out p.png`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	flags.bind(cmd, "seed", "run.seed", "a `number` that every random decision follows from")
	f := cmd.Flags()
	f.StringVar(&kind, "objective", "", "the `kind` of objective, or its name in the run of --checkpoint")
	f.StringVar(&checkpoint, "checkpoint", "", "a checkpoint's folder, or a run's (its newest)")
	f.StringVar(&out, "out", "", "the `PNG` to write")
	f.IntVar(&rows, "rows", 6, "examples that are drawn")
	f.IntVar(&frames, "frames", 600, "frames read from the sources at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if kind == "" || out == "" || rows < 1 || frames < 2 {
			return usagef(cmd.CommandPath(), "--objective KIND, --out FILE.png, at least one --rows and two --frames are needed")
		}
		c, err := flags.load(cmd, config.NeedSources)
		if err != nil {
			return err
		}
		if checkpoint == "" {
			if err := choose(c, kind); err != nil {
				return usagef(cmd.CommandPath(), "%v", err)
			}
		}
		set, path, err := a.previewed(c, kind, checkpoint)
		if err != nil {
			return err
		}
		pictures, err := readFrames(cmd.Context(), c, set.Model.Image, frames)
		if err != nil {
			return err
		}
		shown, err := preview(set, path, pictures, rows)
		if err != nil {
			return fmt.Errorf("previewing %s on %d frames: %w", kind, len(pictures), err)
		}
		return drawSheet(out, set.Objectives[0].Name, shown)
	}
	return cmd
}

// choose leaves of the configuration's objectives the one of that name or, where none has it, of that kind; where
// there is neither it is one of that kind with all defaults.
func choose(c *config.Config, name string) error {
	o := objective.Config{Kind: name}
	for _, listed := range slices.Backward(c.Objectives) {
		if listed = listed.WithDefaults(); listed.Name == name || listed.Kind == name && o.Name != name {
			o = listed
		}
	}
	if !slices.Contains(objective.Kinds(), o.Kind) {
		return fmt.Errorf("objective %q is unknown, there are %s", name, strings.Join(objective.Kinds(), ", "))
	}
	c.Objectives = []objective.Config{o.WithDefaults()}
	c.Model.Split = c.Model.Split || o.Kind == "splitbrain"
	return nil
}

// previewed are the settings of the objective alone: those of the configuration or, with a checkpoint, those
// it was trained with.
func (a *app) previewed(c *config.Config, kind, checkpoint string) (train.Settings, string, error) {
	if checkpoint == "" {
		return settings(c, "preview"), "", nil
	}
	path, err := a.latest(checkpoint)
	if err != nil {
		return train.Settings{}, "", err
	}
	set, err := train.LoadSettings(path)
	if err != nil {
		return set, "", err
	}
	var names []string
	for _, o := range set.Objectives {
		if o = o.WithDefaults(); o.Name == kind || o.Kind == kind {
			set.Objectives = []objective.Config{o}
			return set, path, nil
		}
		names = append(names, o.Name)
	}
	return set, "", fmt.Errorf("checkpoint %s was not trained for %s, its objectives are %s", path, kind, strings.Join(names, ", "))
}

// preview paints a batch, lets the checkpoint's network answer where there is one, and lays out what is to be
// seen.
func preview(set train.Settings, checkpoint string, frames []*frame.Frame, rows int) ([]sheet.Row, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set.Sampler.Replay.Policy, set.Sampler.Replay.Size, set.Sampler.Replay.Newest = sampler.ReplayFIFO, max(len(frames), set.Sampler.Batch), 0
	l, s, err := train.Load(set, frames)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if checkpoint != "" {
		if err := train.ReadWeights(checkpoint, l.Query()); err != nil {
			return nil, err
		}
	}
	d := sampler.Draw{N: l.Rows()}
	if !s.Draw(0, &d) {
		return nil, errors.New("there are too few frames with a positive for a batch: give more --frames, or a smaller sampler.batch")
	}
	l.Paint(s, &d)
	if checkpoint != "" {
		if _, err := l.Learn(); err != nil { // its answers are kept for Show; what it learned is thrown away
			return nil, err
		}
	}
	shown := l.Show(rows)
	if len(shown) == 0 {
		return nil, errors.New("the frames do not hold what the objective takes (clips need scenes that are long enough): give more --frames")
	}
	var out []sheet.Row
	for _, r := range shown {
		row := sheet.Row{Title: r.Title}
		for _, p := range r.Pictures {
			row.Cells = append(row.Cells, sheet.Cell{Frame: seen(p), Caption: p.Caption})
		}
		out = append(out, row)
	}
	return out, nil
}

// seen is a normalised picture as a frame.
func seen(p objective.Picture) *frame.Frame {
	f := &frame.Frame{Width: p.Size, Height: p.Size, Pix: make([]byte, len(p.Pix))}
	for i, v := range p.Pix {
		f.Pix[i] = byte(min(max((v*0.25+0.5)*255+0.5, 0), 255))
	}
	return f
}

// readFrames reads frames of all sources, at training size and in the order of their capture.
func readFrames(ctx context.Context, c *config.Config, size, most int) ([]*frame.Frame, error) {
	cameras, err := catalog.Cameras(c.Sources, c.Run.Seed, now())
	if err != nil {
		return nil, err
	}
	var frames []*frame.Frame
	for _, camera := range cameras {
		share := most / len(cameras)
		camera.Config.Pace = "fast"
		src, err := catalog.Open(camera)
		if err != nil {
			return nil, err
		}
		err = src.Run(ctx, 0, func(e frame.Encoded) error {
			if share--; share < 0 {
				return errFull
			}
			f, err := picture.Decode(e, 0)
			if err != nil {
				return fmt.Errorf("reading %s: %w", camera.Name, err)
			}
			if f, err = look.Shrink(f, size); err != nil {
				return err
			}
			f.Camera, f.Rig = camera.Name, camera.Rig
			frames = append(frames, f)
			return nil
		})
		if err != nil && !errors.Is(err, errFull) {
			return nil, fmt.Errorf("reading %s: %w", camera.Name, err)
		}
	}
	slices.SortStableFunc(frames, func(a, b *frame.Frame) int { return a.Captured.Compare(b.Captured) })
	return frames, nil
}
