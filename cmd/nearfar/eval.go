package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

func newEvalCmd(a *app) *cobra.Command {
	var checkpoint, images string
	var asJSON bool
	var threads int
	cmd := &cobra.Command{
		Use: "eval", Short: "Score a checkpoint on labelled pictures, beside raw pixels and the untrained network", Args: cobra.NoArgs,
		Long: `Scores how well a checkpoint tells labelled pictures apart: DIR holds one folder a class.

  1-view   each picture looks for its class among one picture of each (the first); nearest by cosine
  4-view   among four pictures of each, evenly spread
  kNN      weighted vote of the nearest among all other pictures (k and temperature are printed)
  linear   softmax regression on every second picture, tested on the rest`,
		Example: "  nearfar eval --checkpoint runs/demo --images photos/",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if checkpoint == "" || images == "" {
				return usagef(cmd.CommandPath(), "--checkpoint and --images are needed: a checkpoint (or a run's folder) and a folder with one folder of pictures a class")
			}
			useThreads(threads)
			path, err := a.latest(checkpoint)
			if err != nil {
				return err
			}
			scores, n, err := evaluate(path, images)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(scores)
			}
			fmt.Fprintf(a.out, "%d pictures of %s\n\n", n, images)
			printScores(a.out, scores)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&checkpoint, "checkpoint", "", "a checkpoint's folder, or a run's (its newest)")
	f.StringVar(&images, "images", "", "a `folder` with one folder of pictures a class")
	f.IntVar(&threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&asJSON, "json", false, "as a JSON array")
	return cmd
}

// evaluate scores raw pixels, the network before its first step, and the checkpoint.
func evaluate(path, images string) ([]look.Score, int, error) {
	trained, version, err := train.LoadWeights(path)
	if err != nil {
		return nil, 0, err
	}
	untrained, err := train.Untrained(path)
	if err != nil {
		return nil, 0, err
	}
	frames, labels, err := look.Labelled(images, trained.Spec.Image)
	if err != nil {
		return nil, 0, err
	}
	scores, err := compare(frames, labels, untrained, trained, version)
	return scores, len(frames), err
}

// compare scores the three ways of looking at the same labelled frames.
func compare(frames []*frame.Frame, labels []string, untrained, trained *model.Weights, version string) ([]look.Score, error) {
	size := trained.Spec.Image
	raw, err := look.Judge(fmt.Sprintf("raw pixels, %d×%d", size, size), look.Raw(frames), 3*size*size, labels, false)
	if err != nil {
		return nil, err
	}
	scores := []look.Score{raw}
	for _, n := range []struct {
		name    string
		weights *model.Weights
	}{{"untrained " + trained.Spec.Encoder, untrained}, {"trained " + version, trained}} {
		vectors, err := embedWith(n.weights, frames)
		if err != nil {
			return nil, err
		}
		s, err := look.Judge(n.name, vectors, n.weights.Spec.Width(), labels, true)
		if err != nil {
			return nil, err
		}
		scores = append(scores, s)
	}
	return scores, nil
}

// embedWith looks at frames with weights, on one thread of the operating system.
func embedWith(w *model.Weights, frames []*frame.Frame) ([]float32, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e, err := look.NewEncoder(w)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.Embed(frames)
}

func printScores(w io.Writer, scores []look.Score) {
	fmt.Fprintf(w, "%-28s %7s %7s %7s %7s %8s %8s\n", "", "1-view", "4-view", "kNN", "linear", "std·√d", "RankMe")
	for _, s := range scores {
		fmt.Fprintf(w, "%-28s %6.1f%% %6.1f%% %6.1f%%", s.Name, 100*s.OneView, 100*s.FourView, 100*s.KNN)
		if s.RankMe == 0 { // the pixels themselves: as many numbers as make regression slow and its result beside the point
			fmt.Fprintf(w, " %7s %8s %8s\n", "–", "–", "–")
			continue
		}
		fmt.Fprintf(w, " %6.1f%% %8.2f %8.1f\n", 100*s.Linear, s.Std*sqrt(s.Dim), s.RankMe)
	}
	fmt.Fprintf(w, "\nkNN: k = %d, temperature = %.2f, each picture against all others\n", look.Neighbours, look.Temperature)
}

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }
