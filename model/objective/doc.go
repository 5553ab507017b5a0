// Package objective holds what a network can be trained for, one objective a file. Each brings together a
// recipe of the sampler (what is shown), heads on the shared encoder (what answers) and a loss (what is
// right), and owns whatever else it remembers: banks, momentum encoders, tables of labels.
//
//	sampler.Draw ──Paint──▶ pictures ──Learn──▶ loss, gradients ──▶ one optimiser step ──Settle──▶ banks
//
// A training run is a weighted list of objectives over one encoder. Each has graphs of its own, and the
// trainer adds up their gradients. Everything is a function of the configuration, the seed and the frames
// drawn; what must survive a restart is listed by State.
package objective
