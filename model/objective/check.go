package objective

import "github.com/nearfar/nearfar/sampler"

// report takes a problem: the yaml path of what is wrong below the objective, and what to do about it.
type report = func(path, format string, args ...any)

// checkBatch refuses batches that hold nothing to compare with.
func checkBatch(c Config, n Needs, _ int, report report) {
	if n.Batch < 2 {
		report("kind", "%s compares the rows of a batch with each other, sampler.batch must be at least 2, not %d", c.Kind, n.Batch)
	}
}

// checkBank refuses a bank that a single batch overruns.
func checkBank(c Config, n Needs, _ int, report report) {
	if n.Bank < n.Batch {
		report("kind", "%s keeps a batch in its bank, bank.size must be at least sampler.batch (%d), not %d", c.Kind, n.Batch, n.Bank)
	}
	if c.Hard > n.Bank {
		report("hard", "there are %d keys in the bank, %d hard negatives cannot be chosen from them", n.Bank, c.Hard)
	}
}

// checkInstances refuses a bank with fewer slots than there are frames that may be drawn: they would take each
// other's before they are seen again.
func checkInstances(c Config, n Needs, cameras int, report report) {
	checkBank(c, n, cameras, report)
	if r := n.Sampler.Replay; n.Bank >= n.Batch && r.Policy != sampler.ReplayNone && n.Bank < r.Size {
		report("kind", "%s has a slot for every frame that may be drawn, bank.size must be at least sampler.replay.size (%d), not %d", c.Kind, r.Size, n.Bank)
	}
}

// checkViews refuses positives between views where no rig has two cameras.
func checkViews(c Config, n Needs, cameras int, report report) {
	checkBatch(c, n, cameras, report)
	if c.Positives == "view" && cameras == 1 {
		report("positives", "view pairs cameras of one rig, and every rig here has one camera: give two sources the same rig, or choose temporal")
	}
	if c.Positives == "view" && n.Sampler.Views == 0 {
		report("positives", "view pairs cameras of one rig, and sampler.views is 0, so that none ever meet: raise it to 1")
	}
	if c.Positives == "temporal" && n.Sampler.Views == 1 && cameras > 1 {
		report("positives", "temporal pairs frames of one camera, and sampler.views is 1, so that only views meet: lower it")
	}
}

func checkVINCE(c Config, n Needs, cameras int, report report) {
	checkBank(c, n, cameras, report)
	if p := n.Sampler.Partners; p > 0 && c.Frames > p+1 {
		report("frames", "a scene of %d frames needs %d partners of its anchor, and sampler.partners keeps %d: raise it, or set it to 0 (all)", c.Frames, c.Frames-1, p)
	}
}

// checkClips refuses clips that no scene can hold.
func checkClips(c Config, n Needs, _ int, report report) {
	if n.Batch < 2 {
		report("kind", "%s compares clips of a batch with each other, sampler.batch must be at least 2, not %d", c.Kind, n.Batch)
	}
	if stride := n.Sampler.Clip.Stride; stride > n.Sampler.Gap {
		report("frames", "frames of a clip lie sampler.clip.stride (%v) apart, which is longer than sampler.gap (%v), where a scene ends: shorten the stride", stride, n.Sampler.Gap)
	}
}

// checkSplit refuses to predict colours with an encoder that sees them.
func checkSplit(c Config, n Needs, cameras int, report report) {
	checkPictures(c, n, cameras, report)
	if !n.Model.Split {
		report("kind", "splitbrain needs an encoder of two halves that do not see each other: set model.split: true")
	}
}

// checkPictures refuses pictures that a pretext task cannot be made of.
func checkPictures(c Config, n Needs, _ int, report report) {
	if n.Model.Check() != nil {
		return // which is told elsewhere
	}
	if err := paintable(c, n); err != nil {
		report("kind", "%s: %v", c.Kind, err)
	}
}

// paintable says why a pretext task cannot be made of pictures of the size.
func paintable(c Config, n Needs) (err error) {
	switch c.Kind {
	case "context":
		err = contextTask(c, n).Check()
	case "jigsaw":
		err = jigsawCut(c, n).Check()
	case "inpaint":
		err = decodable(n)
	case "colour", "splitbrain":
		err = gridFits(n, hueGrid(n))
	}
	return err
}
