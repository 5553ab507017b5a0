package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/sheet"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// apart is how far in time two answers of a search are at least, on one rig.
const apart = 2 * time.Second

func newSearchCmd(a *app) *cobra.Command {
	var checkpoint, run, image, out string
	var k, threads int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "search", Short: "Find the frames of a run's memory bank that look most like a picture", Args: cobra.NoArgs,
		Long: `Embeds a picture and finds the nearest frames whose keys are in the memory bank, by cosine distance of
embeddings made anew with the checkpoint. Where no objective keeps a bank, the frames of the replay buffer are
searched. --sheet draws query and answers. Answers are at least 2 s apart.`,
		Example: "  nearfar search --run runs/demo --image query.jpg -k 8 --sheet out.png",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if checkpoint == "" {
				checkpoint = run
			}
			if checkpoint == "" || image == "" || k < 1 {
				return usagef(cmd.CommandPath(), "--image, one of --checkpoint and --run, and a -k of at least 1 are needed")
			}
			useThreads(threads)
			return a.search(cmd.Context(), checkpoint, run, image, out, k, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&checkpoint, "checkpoint", "", "a checkpoint's folder, or a run's (default: the newest of --run)")
	f.StringVar(&run, "run", "", "the run's `folder`, whose topic holds the frames at full size")
	f.StringVar(&image, "image", "", "the `picture` to look for")
	f.IntVarP(&k, "k", "k", 8, "how many frames to find")
	f.StringVar(&out, "sheet", "", "draw them to this `PNG`")
	f.IntVar(&threads, "threads", 0, "threads of computation (default: all cores)")
	f.BoolVar(&asJSON, "json", false, "as JSON lines")
	return cmd
}

// match is one answer as it is printed.
type match struct {
	Distance  float64   `json:"distance"`
	Camera    string    `json:"camera"`
	Captured  time.Time `json:"captured"`
	Label     string    `json:"label,omitempty"`
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
}

func (a *app) search(ctx context.Context, checkpoint, run, image, out string, k int, asJSON bool) error {
	path, err := a.latest(checkpoint)
	if err != nil {
		return err
	}
	index, close, err := memoryIndex(path)
	if err != nil {
		return err
	}
	defer close()
	query, err := look.Load(image, 0)
	if err != nil {
		return err
	}
	query.Label = filepath.Base(image)
	found, err := index.Nearest(query, k, apart)
	if err != nil {
		return err
	}
	for _, f := range found {
		m := match{f.Distance, f.Frame.Camera, f.Frame.Captured, f.Frame.Label, f.Frame.Ref.Topic, f.Frame.Ref.Partition, f.Frame.Ref.Offset}
		if asJSON {
			err = json.NewEncoder(a.out).Encode(m)
		} else {
			_, err = fmt.Fprintf(a.out, "%.4f  %-16s %s  %s  %s\n", m.Distance, m.Camera, m.Captured.Format(time.RFC3339Nano), f.Frame.Ref, m.Label)
		}
		if err != nil {
			return err
		}
	}
	if out == "" {
		return nil
	}
	if run != "" {
		if err := a.fullSize(ctx, run, found); err != nil {
			fmt.Fprintf(a.err, "nearfar: the pictures are drawn at training size: %v\n", err)
		}
	}
	return drawSheet(out, "nearest in the memory bank", []sheet.Row{look.Row("distance, camera and capture time (UTC) under each", query, found)})
}

// memoryIndex is the frames behind the bank's keys, looked at with the checkpoint's encoder. It holds the
// calling goroutine's thread until close.
func memoryIndex(path string) (*look.Index, func(), error) {
	weights, _, err := train.LoadWeights(path)
	if err != nil {
		return nil, nil, err
	}
	memory, err := train.LoadMemory(path)
	if err != nil {
		return nil, nil, err
	}
	keys, err := train.LoadBank(path)
	if err != nil {
		return nil, nil, err
	}
	frames := memory // of a run whose objectives keep no bank
	if keys != nil {
		frames = look.InBank(memory, keys)
	}
	if len(frames) == 0 {
		return nil, nil, errors.New("the memory is empty: no step was taken before this checkpoint")
	}
	runtime.LockOSThread()
	encoder, err := look.NewEncoder(weights)
	if err == nil {
		var index *look.Index
		if index, err = look.NewIndex(encoder, frames); err == nil {
			return index, func() { encoder.Close(); runtime.UnlockOSThread() }, nil
		}
		err = errors.Join(err, encoder.Close())
	}
	runtime.UnlockOSThread()
	return nil, nil, err
}

// fullSize replaces found frames by the pictures as they were captured, read back from the run's topic.
func (a *app) fullSize(ctx context.Context, run string, found []look.Found) error {
	kafka, close, err := a.runKafka(run)
	if err != nil {
		return err
	}
	defer close()
	for i, f := range found {
		original, err := fetchFrame(ctx, kafka, f.Frame.Ref)
		if err != nil {
			return err
		}
		found[i].Frame = &frame.Frame{Meta: f.Frame.Meta, Width: original.Width, Height: original.Height, Pix: original.Pix}
	}
	return nil
}

func drawSheet(path, title string, rows []sheet.Row) error {
	img, err := sheet.Draw(rows, sheet.Options{Title: title})
	if err != nil {
		return fmt.Errorf("drawing %s: %w", path, err)
	}
	return sheet.SavePNG(path, img)
}
