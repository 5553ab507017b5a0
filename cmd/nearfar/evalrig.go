package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// cycleWithin is how many instants beside its own a frame may come back to in the column cycle±1.
const cycleWithin = 1

// rigReport is what `nearfar eval --rig` says.
type rigReport struct {
	Recordings int              `json:"recordings"`
	Cameras    []int            `json:"cameras"`  // of each recording
	Instants   []int            `json:"instants"` // of each recording
	Missed     int              `json:"missed"`   // frames without a counterpart in another camera
	Stride     int              `json:"stride"`
	Within     int              `json:"within"` // of cycle_within
	Chance     look.ViewScore   `json:"chance"`
	Scores     []look.ViewScore `json:"scores"`
}

// evaluateRig scores raw pixels, the network before its first step, and the checkpoint on recordings by
// several cameras.
func evaluateRig(ctx context.Context, path string, e evalFlags) (*rigReport, error) {
	recordings, err := eval.Recordings(e.rig)
	if err != nil {
		return nil, err
	}
	trained, version, err := loadHead(path, e.head)
	if err != nil {
		return nil, err
	}
	untrained, err := train.Untrained(path)
	if err != nil {
		return nil, err
	}
	size := trained.Spec.Image
	r := &rigReport{Recordings: len(recordings), Stride: e.stride, Within: cycleWithin}
	var rigs []look.Rig
	var raw [][]float32
	for _, rec := range recordings {
		rig, missed, err := readRecording(ctx, rec, size, e.stride)
		if err != nil {
			return nil, err
		}
		r.Missed += missed
		r.Cameras, r.Instants = append(r.Cameras, len(rig.Cameras)), append(r.Instants, len(rig.Cameras[0]))
		rigs, raw = append(rigs, rig), append(raw, look.Raw(rig.Frames()))
	}
	pixels, err := look.JudgeViews(rawName(size), rigs, raw, 3*size*size, cycleWithin)
	if err != nil {
		return nil, err
	}
	r.Chance, r.Scores = look.ViewChance(rigs, cycleWithin), []look.ViewScore{pixels}
	for _, n := range networks(untrained, trained, version) {
		vectors, err := embedRigs(n, rigs)
		if err != nil {
			return nil, err
		}
		s, err := look.JudgeViews(n.name, rigs, vectors, n.weights.Spec.Dim(), cycleWithin)
		if err != nil {
			return nil, err
		}
		r.Scores = append(r.Scores, s)
	}
	return r, nil
}

// embedRigs looks at all recordings with one network; embeddings have unit length.
func embedRigs(n network, rigs []look.Rig) ([][]float32, error) {
	var all []*frame.Frame
	for _, r := range rigs {
		all = append(all, r.Frames()...)
	}
	rest, err := embedWith(n.weights, all)
	if err != nil {
		return nil, err
	}
	width := n.weights.Spec.Dim()
	eval.Normalize(rest, width)
	vectors := make([][]float32, len(rigs))
	for i, r := range rigs {
		length := len(r.Frames()) * width
		vectors[i], rest = rest[:length], rest[length:]
	}
	return vectors, nil
}

// readRecording reads every stride-th instant of a recording, at the size the encoder looks at.
func readRecording(ctx context.Context, rec eval.Recording, size, stride int) (rig look.Rig, missed int, err error) {
	cameras := make([][]*frame.Frame, len(rec.Cameras))
	for c, files := range rec.Cameras {
		if files.Video != "" {
			cameras[c], err = readVideo(ctx, files.Video, rec.Timestamps, size)
		} else {
			cameras[c], err = readPictures(ctx, files.Pictures, size, stride)
		}
		if err != nil {
			return look.Rig{}, 0, err
		}
	}
	if rec.Cameras[0].Video != "" {
		if cameras, missed = look.Instants(cameras); len(cameras[0]) < 2 {
			return look.Rig{}, 0, fmt.Errorf("pairing the videos of %s: their frames have %s in common; check that they were filmed together, and give their capture times in %s (columns cam_id and frame_time)",
				rec.Path, count(len(cameras[0]), "instant"), filepath.Join(rec.Path, "timestamps.csv"))
		}
		for c := range cameras {
			cameras[c] = everyNth(cameras[c], stride)
		}
	}
	if len(cameras[0]) < 2 {
		return look.Rig{}, 0, fmt.Errorf("%s: a stride of %d leaves one instant; choose a smaller --stride", rec.Path, stride)
	}
	return look.Rig{Name: rec.Path, Cameras: cameras}, missed, nil
}

func everyNth[T any](all []T, stride int) []T {
	var out []T
	for i := 0; i < len(all); i += stride {
		out = append(out, all[i])
	}
	return out
}

func readPictures(ctx context.Context, paths []string, size, stride int) ([]*frame.Frame, error) {
	var out []*frame.Frame
	for _, path := range everyNth(paths, stride) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f, err := look.Load(path, size)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// readVideo reads all frames of a video with the times of the rig's CSV or, without one, since its beginning.
func readVideo(ctx context.Context, path, timestamps string, size int) ([]*frame.Frame, error) {
	start := time.Unix(0, 0).UTC() // the same for every camera
	cameras, err := catalog.Cameras([]sources.Config{sources.Config{From: path, Kind: sources.File, Timestamps: timestamps}.WithDefaults()}, 0, start)
	if err != nil {
		return nil, err
	}
	src, err := catalog.Open(cameras[0])
	if err != nil {
		return nil, err
	}
	var out []*frame.Frame
	err = src.Run(ctx, 0, func(e frame.Encoded) error {
		e.Checked = true // it was compressed in this very process
		f, err := picture.Decode(e, size)
		out = append(out, f)
		return err
	})
	return out, err
}

// print writes the report as a table.
func (r *rigReport) print(w io.Writer, dir string) {
	instants := 0
	for _, n := range r.Instants {
		instants += n
	}
	fmt.Fprintf(w, "%s in %s: %s", count(r.Recordings, "recording"), dir, count(instants, "instant"))
	if r.Stride > 1 {
		fmt.Fprintf(w, " (every %dth)", r.Stride)
	}
	if r.Missed > 0 {
		fmt.Fprintf(w, "; %s without a counterpart in another camera left out", count(r.Missed, "frame"))
	}
	fmt.Fprintf(w, "\n\n%-28s %9s %7s %7s %7s %9s %8s %8s\n", "", "alignment", "tau", "cycle", fmt.Sprintf("cycle±%d", r.Within), "stuck", "distance", "uniform")
	for _, s := range append([]look.ViewScore{r.Chance}, r.Scores...) {
		fmt.Fprintf(w, "%-28s %9.3f %7.3f %6.1f%% %6.1f%%", s.Name, s.Alignment, s.Tau, 100*s.Cycle, 100*s.Within)
		if s.Dim == 0 { // chance
			fmt.Fprintf(w, " %9s %8s %8s\n", "–", "–", "–")
			continue
		}
		fmt.Fprintf(w, " %9s %8.3f %8.3f\n", fmt.Sprintf("%d/%d", s.Stuck, s.Pairs), s.Distance, s.Uniformity)
	}
	fmt.Fprint(w, "\nnearest neighbours by squared L2, of embeddings with unit length; means over pairs of views\n")
}
