package main

import (
	"runtime"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/objective"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams"
)

// embedBatch is how many frames a run embeds together.
const embedBatch = 32

// settings is the part of a configuration that shapes what a run learns.
func settings(c *config.Config, run string) train.Settings {
	s := train.Settings{
		Run: run, Seed: c.Run.Seed, Model: c.Spec(), Projection: c.Model.Projection, Hidden: c.Model.Hidden,
		Objectives: c.Objectives, Sampler: c.Sampler,
		Merge:     streams.MergeConfig{Lateness: c.Sampler.Lateness, Idle: c.Sampler.Idle, Limit: c.Sampler.Limit},
		Optimizer: model.OptimizerSpec{Kind: c.Train.Optimizer, Momentum: float32(c.Train.Momentum), WeightDecay: float32(c.Train.WeightDecay)},
		LR:        float32(c.Train.LR), Warmup: c.Train.Warmup, KeyMomentum: float32(c.Model.KeyMomentum),
		Bank: c.Bank.Size, MaxAge: c.Bank.MaxAge,
		Every: c.Checkpoint.Every, Keep: c.Checkpoint.Keep, GoOn: c.Checkpoint.OnError == "go_on", EmbedBatch: embedBatch,
		Probe: train.Probe{Memory: c.Train.Probe.Memory, K: c.Train.Probe.K, Temperature: c.Train.Probe.Temperature, Last: c.Train.Probe.Last},
	}
	s.Precision, _ = kernel.ParsePrecision(c.Run.Precision) // Check has read it
	s.Sampler.Clip.Frames = max(s.Sampler.Clip.Frames, objective.Frames(c.Objectives))
	s.Sampler.Lone = s.Sampler.Lone || objective.Lone(c.Objectives)
	if c.Train.Schedule == "cosine" {
		s.Decay = c.Run.Steps
	}
	return s
}

// useThreads gives computation so many threads; 0 means all cores.
func useThreads(n int) int {
	if n == 0 {
		n = runtime.NumCPU()
	}
	kernel.SetThreads(n)
	return n
}
