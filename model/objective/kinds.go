package objective

import (
	"time"

	"github.com/nearfar/nearfar/model"
)

// kind is one line of the table of objectives.
type kind struct {
	about       string
	keys        []string // of Config that it reads, beside kind, name and weight
	defaults    Config
	pairs       bool // it needs frames that have a positive
	views       bool // whose kind, temporal or view, can be asked for
	clips       bool // it looks at clips of Frames frames
	leastFrames int
	heads       func(c Config, n Needs) []model.Head
	build       func(c Config, n Needs, w *model.Weights) (Objective, error)
	// check reports what it asks of the rest of the configuration; nil: nothing.
	check func(c Config, n Needs, cameras int, report func(path, format string, args ...any))
}

// kinds is the table of objectives.
var kinds = map[string]kind{
	"moco": {
		about: "momentum contrast: InfoNCE against a bank of keys (He et al. 2020)",
		keys:  []string{"temperature", "positives", "decay", "hard"}, defaults: Config{Temperature: 0.1, Positives: "any", Decay: 1},
		pairs: true, heads: projector, build: newMoCo, check: checkBank,
	},
	"nce": {
		about: "noise-contrastive estimation against a bank of momentum keys (Wu et al. 2018)",
		keys:  []string{"temperature", "positives", "negatives"}, defaults: Config{Temperature: 0.07, Positives: "any", Negatives: 1024},
		pairs: true, heads: projector, build: newNCE, check: checkBank,
	},
	"npid": {
		about: "instance discrimination: each frame against its own slot of a memory bank (Wu et al. 2018)",
		keys:  []string{"temperature", "negatives", "softmax", "proximal"}, defaults: Config{Temperature: 0.07, Negatives: 1024},
		heads: projector, build: newNPID, check: checkInstances,
	},
	"simclr": {
		about: "NT-Xent among the views of one batch (Chen et al. 2020)",
		keys:  []string{"temperature", "positives", "accumulate"}, defaults: Config{Temperature: 0.2, Positives: "any", Accumulate: 1},
		pairs: true, heads: projector, build: newSimCLR, check: checkBatch,
	},
	"triplet": {
		about: "time-contrastive triplets, of one view or between views (Sermanet et al. 2018)",
		keys:  []string{"positives", "margin", "mining"}, defaults: Config{Positives: "any", Margin: 0.2, Mining: "semihard"},
		pairs: true, views: true, heads: projector, build: newTriplet, check: checkViews,
	},
	"npairs": {
		about: "N-pairs: each anchor tells its positive from those of the others (Sohn 2016)",
		keys:  []string{"positives"}, defaults: Config{Positives: "any"},
		pairs: true, views: true, heads: projector, build: newNPairs, check: checkViews,
	},
	"scl": {
		about: "frames of a recording are as alike as they are near in time, of one view or between views (Chen et al. 2022)",
		keys:  []string{"temperature", "positives", "sigma"}, defaults: Config{Temperature: 0.1, Positives: "any", Sigma: time.Second},
		pairs: true, views: true, heads: projector, build: newSCL, check: checkViews,
	},
	"vince": {
		about: "InfoNCE with several positives a scene (Gordon et al. 2020)",
		keys:  []string{"temperature", "frames"}, defaults: Config{Temperature: 0.07, Frames: 4},
		pairs: true, leastFrames: 2, heads: projector, build: newVINCE, check: checkVINCE,
	},
	"vicreg": {
		about: "variance, invariance, covariance: no negatives (Bardes et al. 2022)",
		keys:  []string{"positives"}, defaults: Config{Positives: "any"},
		pairs: true, heads: expander, build: newVICReg, check: checkBatch,
	},
	"byol": {
		about: "predict what a momentum encoder sees: no negatives (Grill et al. 2020)",
		keys:  []string{"positives"}, defaults: Config{Positives: "any"},
		pairs: true, heads: predictors, build: newBYOL, check: checkBatch,
	},
	"simsiam": {
		about: "predict the other view, without momentum and negatives (Chen & He 2021)",
		keys:  []string{"positives"}, defaults: Config{Positives: "any"},
		pairs: true, heads: predictors, build: newSimSiam, check: checkBatch,
	},
	"cpc": {
		about: "contrastive predictive coding over clips of a camera (van den Oord et al. 2018)",
		keys:  []string{"frames", "ahead"}, defaults: Config{Frames: 8, Ahead: 3},
		clips: true, leastFrames: 2, heads: cpcHeads, build: newCPC, check: checkClips,
	},
	"order": {
		about: "are three frames in order? (shuffle and learn, Misra et al. 2016)",
		keys:  []string{"frames"}, defaults: Config{Frames: 5},
		clips: true, leastFrames: 5, heads: orderHeads, build: newOrder, check: checkClips,
	},
	"arrow": {
		about: "does a clip run forwards or backwards? (arrow of time, Wei et al. 2018)",
		keys:  []string{"frames"}, defaults: Config{Frames: 4},
		clips: true, leastFrames: 2, heads: arrowHeads, build: newArrow, check: checkClips,
	},
	"predict": {
		about: "predict the embedding of the next frame from those before it",
		keys:  []string{"frames", "ahead"}, defaults: Config{Frames: 4, Ahead: 1},
		clips: true, leastFrames: 2, heads: predictHeads, build: newPredict, check: checkClips,
	},
	"context": {
		about: "where does a patch lie beside another? (Doersch et al. 2015)",
		keys:  []string{"touching", "aberration"}, defaults: Config{Aberration: "project"},
		heads: contextHeads, build: newContext, check: checkPictures,
	},
	"jigsaw": {
		about: "which permutation of nine tiles is this? (Noroozi & Favaro 2016)",
		keys:  []string{"form", "permutations", "touching"}, defaults: Config{Form: "tiles", Permutations: 24},
		heads: jigsawHeads, build: newJigsaw, check: checkPictures,
	},
	"inpaint": {
		about: "what was in the hole? (context encoders, Pathak et al. 2016)",
		keys:  []string{"mask", "adversarial"}, defaults: Config{Mask: "centre"},
		heads: inpaintHeads, build: newInpaint, check: checkPictures,
	},
	"colour": {
		about: "which colours had the gray picture? (colourisation, Zhang et al. 2016)",
		heads: colourHeads, build: newColour, check: checkPictures,
	},
	"rotation": {
		about: "by how many quarters was it turned? (Gidaris et al. 2018)",
		heads: rotationHeads, build: newRotation,
	},
	"splitbrain": {
		about: "colours from lightness and lightness from colours (Zhang et al. 2017); needs model.split",
		heads: splitHeads, build: newSplitBrain, check: checkSplit,
	},
	"sla": {
		about: "class and transformation as one label (self-supervised label augmentation, Lee et al. 2020)",
		keys:  []string{"transforms", "labels", "classes", "distill"}, defaults: Config{Transforms: "rotation", Labels: "camera", Classes: 64},
		heads: slaHeads, build: newSLA,
	},
}
