package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sampler/pretext"
	"github.com/nearfar/nearfar/streams/frame"
)

func newShortcutsCmd(a *app) *cobra.Command {
	var kind string
	var frames, questions int
	cmd := &cobra.Command{
		Use: "shortcuts", Short: "Look for what answers a pretext task on a camera's frames without understanding them", Args: cobra.NoArgs,
		Long: `Reads frames from sources (no Kafka, no training of a network), asks the questions that a pretext task would, and
lets a linear classifier answer them that sees one cue alone: the borders of the patches (lines that run on), their
mean and contrast (light that falls off over the picture), the corners (a burned-in clock). It is fitted to
questions about the first two thirds of the frames and asked about the last third. Where a cue suffices, a
network would learn the cue: a warning says what to do. Tasks made of patches are also tried for the lens, whose
colour fringes tell where in the picture a patch was.`,
		Example: `  nearfar shortcuts --objective jigsaw --source clip.mp4
  nearfar shortcuts --objective jigsaw --source clip.mp4 --set 'objectives=[{kind: jigsaw, touching: true}]'`,
	}
	flags := a.addConfigFlags(cmd)
	flags.bindSources(cmd)
	flags.bind(cmd, "seed", "run.seed", "a `number` that every random decision follows from")
	f := cmd.Flags()
	f.StringVar(&kind, "objective", "", "the `kind` of objective, or its name in the configuration")
	f.IntVar(&frames, "frames", 900, "frames read from the sources at most")
	f.IntVar(&questions, "questions", 3000, "questions asked, fewer where they would not fit into 256 MiB")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if kind == "" || frames < 12 || questions < 30 {
			return usagef(cmd.CommandPath(), "--objective KIND, at least 12 --frames and 30 --questions are needed")
		}
		c, err := flags.load(cmd, config.NeedSources)
		if err != nil {
			return err
		}
		if err := choose(c, kind); err != nil {
			return usagef(cmd.CommandPath(), "%v", err)
		}
		pictures, err := readFrames(cmd.Context(), c, c.Sampler.Image, frames)
		if err != nil {
			return err
		}
		if err := a.shortcuts(settings(c, "shortcuts"), pictures, questions); err != nil {
			return fmt.Errorf("looking for shortcuts of %s on %d frames: %w", kind, len(pictures), err)
		}
		return nil
	}
	return cmd
}

// shortcuts prints what every cue alone comes to.
func (a *app) shortcuts(set train.Settings, frames []*frame.Frame, questions int) error {
	early, late := frames[:len(frames)*2/3], frames[len(frames)*2/3:]
	fit, err := ask(set, early, questions*2/3)
	if err != nil {
		return err
	}
	test, err := ask(set, late, questions/3)
	if err != nil {
		return err
	}
	found, err := eval.Shortcuts(set.Objectives[0].Name, fit, test)
	if err != nil {
		return err
	}
	warnings := 0
	for _, s := range found {
		fmt.Fprintln(a.out, s)
		if s.Suspicious() {
			warnings++
		}
	}
	if fit.Patches > 1 && (set.Objectives[0].Kind == "jigsaw" || set.Objectives[0].Kind == "context") {
		p, err := lens(set, early, late, questions, fit.Size)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out, p)
		if p.Suspicious() {
			warnings++
		}
	}
	if warnings > 0 {
		fmt.Fprintf(a.err, "WARNING: %s of %s on these frames; what a network learns by it is worth that much less\n", count(warnings, "shortcut"), set.Objectives[0].Name)
	}
	return nil
}

// mostAsked bounds the memory of questions, numbers.
const mostAsked = 256 << 20 / 4

// ask gathers so many questions about frames, with their answers.
func ask(set train.Settings, frames []*frame.Frame, n int) (eval.Examples, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set.Sampler.Replay.Policy, set.Sampler.Replay.Size, set.Sampler.Replay.Newest = sampler.ReplayFIFO, max(len(frames), set.Sampler.Batch), 0
	set.Sampler.Batch = min(set.Sampler.Batch, len(frames))
	l, s, err := train.Load(set, frames)
	if err != nil {
		return eval.Examples{}, err
	}
	defer l.Close()
	var e eval.Examples
	d := sampler.Draw{N: l.Rows()}
	for step := uint64(0); len(e.Labels) < n; step++ {
		if !s.Draw(step, &d) {
			return e, errors.New("there are too few frames for a batch: give more --frames, or a smaller sampler.batch")
		}
		l.Paint(s, &d)
		asked := l.Questions()
		if len(asked) == 0 {
			return e, fmt.Errorf("%s asks nothing of these frames that has one right answer (rotation, context, jigsaw, sla, order and arrow do, the last two of clips)", set.Objectives[0].Kind)
		}
		q := asked[0]
		e.Patches, e.Size, e.Classes = q.Patches, q.Size, q.Classes
		each := q.Patches * q.Size * q.Size * 3
		n = min(n, max(1, mostAsked/each/2))
		known := len(e.Labels)
		for i, answer := range q.Answers {
			if answer >= 0 && len(e.Labels) < n {
				e.Labels = append(e.Labels, answer)
				e.Pixels = append(e.Pixels, q.Pixels[i*each:(i+1)*each]...)
			}
		}
		if len(e.Labels) == known {
			return e, errors.New("no frame of the batch has a class: choose other labels for sla")
		}
	}
	return e, nil
}

// lens tells the place of random crops by the shift of their colours alone.
func lens(set train.Settings, early, late []*frame.Frame, n, tile int) (eval.Position, error) {
	size := set.Model.Image
	crops := func(name string, frames []*frame.Frame, n int) eval.Crops {
		r := seed.New(set.Seed).At("shortcuts").At(name).Rand()
		view, turned, crop := make([]float32, 3*size*size), make([]float32, 3*size*size), make([]float32, 3*tile*tile)
		p := pretext.Position{Size: size, Tile: tile, Patch: tile}
		var out eval.Crops
		for range n {
			sampler.Plain(view, frames[r.IntN(len(frames))], size)
			// A camera that stands still shows the same thing at the same place, which would tell the place; the lens
			// does not change when its picture is turned and mirrored.
			pretext.Rotate(turned, view, size, r.IntN(pretext.Quarters))
			if r.IntN(2) == 1 {
				mirror(turned, size)
			}
			x, y := p.Paint(crop, turned, r)
			v := eval.Aberration(crop, tile)
			out.Dim, out.Vectors, out.At = len(v), append(out.Vectors, v...), append(out.At, [2]float64{float64(x), float64(y)})
		}
		return out
	}
	return eval.ProbePosition(set.Objectives[0].Name, crops("early", early, n*2/3), crops("late", late, n/3))
}

// mirror swaps left and right.
func mirror(view []float32, size int) {
	for y := range size {
		row := view[3*y*size : 3*(y+1)*size]
		for x := range size / 2 {
			for c := range 3 {
				row[3*x+c], row[3*(size-1-x)+c] = row[3*(size-1-x)+c], row[3*x+c]
			}
		}
	}
}
