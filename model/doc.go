// Package model holds encoders, projectors, optimisers and the momentum copy as Gorgonia graphs.
//
// A network is described once, by a function that walks its layers (small.go, resnet18.go). Walked
// without a graph it declares its parameters; walked with one it builds the graph over weights that
// already exist, so that the training graph, the key graph and the inference graph of one network share
// or copy weights by plain slices. Activations are NHWC float32, convolution weights OIHW and matrices
// (out, in), as PyTorch stores them.
//
// The oneDNN kernels under the graphs keep one worker team per operating-system thread: run a network
// from a goroutine that has called runtime.LockOSThread.
package model
