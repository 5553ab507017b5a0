package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// evalFlags are what `nearfar eval` looks at, and how.
type evalFlags struct {
	checkpoint, images, rig string
	head                    string
	share                   float64
	stride, threads, tune   int
	asJSON                  bool
}

func newEvalCmd(a *app) *cobra.Command {
	var e evalFlags
	cmd := &cobra.Command{
		Use: "eval", Short: "Score a checkpoint on labelled pictures or on a rig's recordings, beside raw pixels and the untrained network", Args: cobra.NoArgs,
		Long: `With --images, scores how well a checkpoint tells labelled pictures apart: DIR holds one folder a class.

  1-view   each picture looks for its class among one picture of each (the first); nearest by cosine
  4-view   among four pictures of each, evenly spread
  kNN      weighted vote of the nearest among all other pictures (k and temperature are printed)
  linear   softmax regression on every second picture, tested on the rest; --label-fraction takes fewer labels
  tuned    with --finetune STEPS: a head and the encoder below it trained on the same labels, from the checkpoint and
           from scratch (pretrain → fine-tune)
  std·√d   spread of the embeddings, 1 where healthy, 0 collapsed; RankMe, the dimensions they fill;
           uniform, log E exp(−2‖x−y‖²), 0 collapsed and nearly −4 where they fill the sphere

With --rig, scores how well it finds the same instant in another camera. DIR holds a folder of pictures for each
camera (the i-th of each is the same instant), or a video for each and a timestamps.csv, or such recordings.

  alignment   mean |t − t_nn| / length, nearest neighbours across views (TCN); 0 at best, a third by chance
  tau         Kendall's rank correlation of the times found (TCC); 1 at best
  cycle       share of frames that come back to themselves by way of another view, ±1: or beside. Half of them do
              by chance alone: read it beside the alignment
  stuck       ordered pairs of views that send every frame to one and the same; they score 0 in tau and cycle
  distance    E‖x−y‖² of two views of an instant, directions only; 2 for strangers`,
		Example: "  nearfar eval --checkpoint runs/demo --images photos/\n  nearfar eval --checkpoint runs/yard --rig recordings/",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.check(); err != nil {
				return usagef(cmd.CommandPath(), "%w", err)
			}
			useThreads(e.threads)
			path, err := a.latest(e.checkpoint)
			if err != nil {
				return err
			}
			if e.rig != "" {
				return a.evalRig(cmd, path, e)
			}
			scores, n, err := evaluate(path, e)
			if err != nil {
				return err
			}
			if e.asJSON {
				return json.NewEncoder(a.out).Encode(scores)
			}
			fmt.Fprintf(a.out, "%d pictures of %s\n\n", n, e.images)
			printScores(a.out, scores)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.checkpoint, "checkpoint", "", "a checkpoint's folder, or a run's (its newest)")
	f.StringVar(&e.images, "images", "", "a `folder` with one folder of pictures a class")
	f.StringVar(&e.rig, "rig", "", "a `folder` with a folder of pictures or a video for each camera, or with folders of that kind")
	f.StringVar(&e.head, "head", "", "score what the `objective` of that name makes of an embedding, its head's output, in place of the encoder's")
	f.Float64Var(&e.share, "label-fraction", 1, "with --images, the `share` of the training labels that the linear probe sees, in (0, 1]")
	f.IntVar(&e.stride, "stride", 1, "with --rig, look at every `n`-th instant")
	f.IntVar(&e.tune, "finetune", 0, "with --images, also train head and encoder on the labels for so many `steps`")
	f.IntVar(&e.threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&e.asJSON, "json", false, "as JSON")
	return cmd
}

func (e *evalFlags) check() error {
	switch {
	case e.checkpoint == "" || e.images == "" && e.rig == "":
		return errors.New("--checkpoint and --images are needed, or --checkpoint and --rig: a checkpoint (or a run's folder), and a folder with one folder of pictures a class, or of a rig's recordings")
	case e.images != "" && e.rig != "":
		return errors.New("--images and --rig are scored apart, drop one of them")
	case !(e.share > 0 && e.share <= 1):
		return fmt.Errorf("--label-fraction %g must lie in (0, 1]", e.share)
	case e.stride < 1:
		return fmt.Errorf("--stride %d must be 1 or more", e.stride)
	case e.images != "" && e.stride != 1:
		return errors.New("--stride is for --rig")
	case e.rig != "" && (e.share != 1 || e.tune != 0):
		return errors.New("--label-fraction and --finetune are for --images")
	case e.tune != 0 && e.head != "":
		return errors.New("--finetune trains a head of its own on the encoder's output, drop --head")
	case e.tune < 0:
		return fmt.Errorf("--finetune %d must be a number of steps", e.tune)
	}
	return nil
}

func (a *app) evalRig(cmd *cobra.Command, path string, e evalFlags) error {
	r, err := evaluateRig(cmd.Context(), path, e)
	if err != nil {
		return err
	}
	if e.asJSON {
		return json.NewEncoder(a.out).Encode(r)
	}
	r.print(a.out, e.rig)
	return nil
}

// loadHead reads a checkpoint of which the embedding is the output of a head; an empty name is the encoder's own.
func loadHead(path, head string) (*model.Weights, string, error) {
	w, version, err := train.LoadWeights(path)
	if err != nil || head == "" {
		return w, version, err
	}
	if w, err = w.Through(head); err != nil {
		return nil, "", fmt.Errorf("scoring a head of %s: %w", path, err)
	}
	return w, version + ", head " + head, nil
}

// evaluate scores raw pixels, the network before its first step, and the checkpoint.
func evaluate(path string, e evalFlags) ([]look.Score, int, error) {
	trained, version, err := loadHead(path, e.head)
	if err != nil {
		return nil, 0, err
	}
	untrained, err := train.Untrained(path)
	if err != nil {
		return nil, 0, err
	}
	frames, labels, err := look.Labelled(e.images, trained.Spec.Image)
	if err != nil {
		return nil, 0, err
	}
	scores, err := compareWith(frames, labels, untrained, trained, version, e.share)
	if err == nil && e.tune > 0 {
		err = fineTune(scores[len(scores)-2:], []*model.Weights{untrained, trained}, frames, labels, e.share, e.tune)
	}
	return scores, len(frames), err
}

// compare scores the three ways of looking at the same labelled frames.
func compare(frames []*frame.Frame, labels []string, untrained, trained *model.Weights, version string) ([]look.Score, error) {
	return compareWith(frames, labels, untrained, trained, version, 1)
}

// compareWith is compare with a share of the training labels for the linear probe.
func compareWith(frames []*frame.Frame, labels []string, untrained, trained *model.Weights, version string, share float64) ([]look.Score, error) {
	size := trained.Spec.Image
	raw, err := look.Judge(rawName(size), look.Raw(frames), 3*size*size, labels, false)
	if err != nil {
		return nil, err
	}
	scores := []look.Score{raw}
	for _, n := range networks(untrained, trained, version) {
		vectors, err := embedWith(n.weights, frames)
		if err != nil {
			return nil, err
		}
		s, err := look.JudgeWith(n.name, vectors, n.weights.Spec.Dim(), labels, share)
		if err != nil {
			return nil, err
		}
		scores = append(scores, s)
	}
	return scores, nil
}

// network is weights and how a table calls them.
type network struct {
	name    string
	weights *model.Weights
}

func networks(untrained, trained *model.Weights, version string) []network {
	return []network{{"untrained " + trained.Spec.Encoder, untrained}, {"trained " + version, trained}}
}

func rawName(size int) string { return fmt.Sprintf("raw pixels, %d×%d", size, size) }

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
