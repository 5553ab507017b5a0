package main

import (
	"runtime"

	"github.com/nearfar/nearfar/internal/config"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/model/train"
	"github.com/nearfar/nearfar/streams"
)

// embedBatch is how many frames a run embeds together.
const embedBatch = 32

// settings is the part of a configuration that shapes what a run learns.
func settings(c *config.Config, run string) train.Settings {
	o := c.Objectives[0]
	s := train.Settings{
		Run: run, Seed: c.Run.Seed, Model: modelSpec(c.Model), Sampler: c.Sampler,
		Merge:     streams.MergeConfig{Lateness: c.Sampler.Lateness, Idle: c.Sampler.Idle, Limit: c.Sampler.Limit},
		Optimizer: model.OptimizerSpec{Kind: c.Train.Optimizer, Momentum: float32(c.Train.Momentum), WeightDecay: float32(c.Train.WeightDecay)},
		LR:        float32(c.Train.LR), Warmup: c.Train.Warmup, KeyMomentum: float32(c.Model.KeyMomentum),
		Temperature: float32(o.Temperature), Bank: c.Bank.Size, MaxAge: c.Bank.MaxAge,
		Every: c.Checkpoint.Every, Keep: c.Checkpoint.Keep, EmbedBatch: embedBatch,
		Probe: train.Probe{Memory: c.Train.Probe.Memory, K: c.Train.Probe.K, Temperature: c.Train.Probe.Temperature, Last: c.Train.Probe.Last},
	}
	s.Model.Image = c.Sampler.Image
	if c.Train.Schedule == "cosine" {
		s.Decay = c.Run.Steps
	}
	return s
}

func modelSpec(c config.ModelConfig) model.Spec {
	return model.Spec{Encoder: c.Encoder, Norm: c.Norm, Hidden: c.Hidden, Projection: c.Projection}
}

// useThreads gives computation so many threads; 0 means all cores.
func useThreads(n int) int {
	if n == 0 {
		n = runtime.NumCPU()
	}
	kernel.SetThreads(n)
	return n
}
