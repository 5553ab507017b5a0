// Package train is the online trainer: the one place where sampler, model, loss and bank meet.
//
// A Trainer is handed decoded frames in the order of the log and does everything else by itself: it
// merges cameras by capture time, lets the sampler form pairs, takes steps, embeds each frame with the
// last published weights, and writes checkpoints. All it does is a function of the frames it was handed,
// the configuration and the seed; no clock and no scheduling enters, so a run that was killed and resumed
// ends in the very bytes of one that was not.
package train
