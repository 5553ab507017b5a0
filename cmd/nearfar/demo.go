package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/sheet"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/sources/synth"
	"github.com/nearfar/nearfar/streams/frame"
)

// The demo: how many frames it streams, and how many unseen views of each object it is asked about.
const (
	demoFrames = 3000
	demoViews  = 12
	demoRows   = 6 // of the contact sheet
	demoFound  = 7 // pictures beside each query
	demoLag    = 150
)

// asDemo is the run of somebody who has said nothing: a synthetic three-camera rig, in runs/demo.
func asDemo(c config.Config) config.Config {
	c.Sources = []sources.Config{sources.Config{From: sources.Synth}.WithDefaults()}
	if c.Run.Out == "" {
		c.Run.Out = filepath.Join("runs", "demo")
	}
	// Every camera of the rig sees every object: the other view is the better positive, since it shares neither
	// background nor light. An object stays for 2.5 s, and its other moments are no negatives.
	if c.Sampler == sampler.Defaults() {
		c.Sampler.Views, c.Sampler.Far, c.Sampler.UpdatesPerFrame = 1, 3*time.Second, 0.4
	}
	if c.Train.MaxLag == 0 {
		c.Train.MaxLag = demoLag // a slower machine takes fewer steps, in the same time
	}
	if c.Run.Frames == 0 && c.Run.Steps == 0 && c.Run.For == 0 {
		c.Run.Frames = demoFrames
	}
	return c
}

// showDemo asks the trained encoder about views that were never streamed, and draws what it finds nearest.
func (s *session) showDemo(_ context.Context, checkpoint string) ([]look.Score, []string, error) {
	trained, version, err := train.LoadWeights(checkpoint)
	if err != nil {
		return nil, nil, err
	}
	untrained, err := train.Untrained(checkpoint)
	if err != nil {
		return nil, nil, err
	}
	scene, err := synth.Of(s.feed.Cameras[0].Config)
	if err != nil {
		return nil, nil, err
	}
	views, err := synth.Gallery(scene, demoViews)
	if err != nil {
		return nil, nil, err
	}
	small := make([]*frame.Frame, len(views))
	labels := make([]string, len(views))
	for i, f := range views {
		if small[i], err = look.Shrink(f, trained.Spec.Image); err != nil {
			return nil, nil, err
		}
		labels[i] = f.Label
	}
	scores, err := compare(small, labels, untrained, trained, version)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(s.run.Path, "nearest.png")
	index, close, err := memoryIndex(checkpoint)
	if err != nil {
		return nil, nil, err
	}
	defer close()
	var rows []sheet.Row
	seen := map[string]bool{}
	for _, f := range views {
		if seen[f.Label] || len(rows) == demoRows {
			continue
		}
		seen[f.Label] = true
		found, err := index.Nearest(f, demoFound, time.Second)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, look.Row(f.Label, f, found))
	}
	return scores, []string{path}, drawSheet(path, "An unseen view, and the nearest frames in the memory bank (distance, camera, time)", rows)
}
