package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/finetune"
	"github.com/nearfar/nearfar/internal/look"
	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams/frame"
)

// Fine-tuning as `nearfar eval --finetune` does it: Adam at a rate that falls from 0.001 by a cosine.
const (
	tuneBatch = 32
	tuneRate  = 1e-3
)

// fineTune fills in how many pictures each network names right after its head and itself were trained on the
// labels that the linear probe saw.
func fineTune(scores []look.Score, networks []*model.Weights, frames []*frame.Frame, labels []string, share float64, steps int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	classes := slices.Compact(slices.Sorted(slices.Values(labels)))
	set, err := eval.NewSet(1, make([]float32, len(labels)), labels, nil)
	if err != nil {
		return err
	}
	known, asked := look.Split(set, share)
	pictures := func(rows []int) (p finetune.Pictures) {
		for _, row := range rows {
			label, _ := slices.BinarySearch(classes, labels[row])
			p.Frames, p.Labels = append(p.Frames, frames[row]), append(p.Labels, label)
		}
		return p
	}
	for i, w := range networks {
		net, err := train.NewLabelled(w, len(classes), tuneBatch, seed.New(0).At("finetune"))
		if err != nil {
			return fmt.Errorf("fine-tuning %s: %w", scores[i].Name, err)
		}
		r, err := finetune.Run(net, pictures(known), pictures(asked), finetune.Options{Size: w.Spec.Image, Classes: len(classes), Batch: tuneBatch,
			Steps: steps, Rate: tuneRate, Mirror: true, Seed: seed.New(0).At("finetune")})
		if err = errors.Join(err, net.Close()); err != nil {
			return fmt.Errorf("fine-tuning %s: %w", scores[i].Name, err)
		}
		scores[i].FineTuned = r.Accuracy
	}
	return nil
}
