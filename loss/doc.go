// Package loss holds the objectives, one paper a file, as Gorgonia ops without state: what a loss
// compares with (keys, negatives) is handed to it by the trainer before each run.
package loss
