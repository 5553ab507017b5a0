// Package kernel brings fast CPU operations to Gorgonia: convolutions by oneDNN, and norms, pooling,
// contrastive loss and optimiser steps as fused passes in C.
//
// Activations are NHWC float32, weights have PyTorch's layout (OIHW, OI). Each operation is a Gorgonia
// op with a symbolic derivative, so G.Grad works through it. An op owns its output: every run overwrites
// the same memory, nothing tensor-sized is allocated after the first, and the Value of a node made here
// may be read after a run without G.Read. In return a graph is run by one goroutine at a time.
//
// Results are equal bit for bit from run to run for the same thread count. Package twin holds each
// operation as plain Go loops; the tests hold the two against each other.
//
// Threads are OpenMP's. OpenMP keeps one team of workers for each OS thread that enters it, so a goroutine
// that trains should call runtime.LockOSThread and run its graphs on a Machine, which stays on the
// calling thread (Gorgonia's TapeMachine takes another goroutine for each run).
package kernel
