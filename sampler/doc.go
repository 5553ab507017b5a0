// Package sampler decides which frames meet in a batch, and how they look.
//
//	frames in event-time order
//	   │ Push
//	   ▼
//	window ── both sides of `near` known ──▶ anchor with partners and clip ──▶ replay ◀── Learned
//	   │ frozen, disordered, ill-formed: counted    │ no partner: counted       │ Draw       embeddings
//	                                                                            ▼
//	                             views, clips, tiles ◀── Paint, Clips, Each ── pairs
//
// A positive is a frame of the same camera at most `near` away within the same scene, or the frame another
// camera of the rig took at most `skew` away: time-contrastive pairs (Sermanet et al. 2018,
// arXiv:1704.06888). From `far` on a frame is a negative; between lies no-man's-land, used for neither.
// Anchors wait in a replay buffer, so that a batch is not one correlated moment.
//
// A Draw is which frames meet in a step; how they look is painted from it, once for each objective, with
// random numbers of the objective's own. A clip is a run of frames of one camera that ends with the anchor.
//
// Everything is a deterministic function of the configuration, the seed, the pushed frames and the learned
// embeddings: no clock, no scheduling, no map order enters. A Sampler is not safe for concurrent use.
package sampler
