package objective

// Questions are what an objective asked in the step that was painted last, where each has one right answer that
// does not depend on the others: so many square pictures, and the answer.
type Questions struct {
	Patches, Size int
	Pixels        []float32 // (len(Answers), Patches, Size, Size, 3), overwritten by the next step
	Answers       []int     // in [0, Classes); −1: not asked
	Classes       int
}

// Asker is an objective that asks such questions. What answers them without understanding is looked for in
// them (see internal/eval).
type Asker interface{ Questions() Questions }

func (o *puzzle) questions(patches, size int, pixels []float32) Questions {
	q := Questions{Patches: patches, Size: size, Pixels: pixels, Answers: make([]int, len(o.labels.Of)), Classes: o.classes}
	for i, label := range o.labels.Of {
		q.Answers[i] = int(label)
	}
	return q
}

// Questions are turned frames.
func (o *rotation) Questions() Questions { return o.questions(1, o.size(), o.input) }

// Questions are pairs of patches.
func (o *context) Questions() Questions { return o.questions(2, o.task.Tile, o.input) }

// Questions are nine tiles, or two.
func (o *jigsaw) Questions() Questions { return o.questions(o.tiles, o.tile, o.input) }

// Questions are three frames.
func (o *order) Questions() Questions { return o.questions(triple, o.size(), o.input) }

// Questions are clips.
func (o *arrow) Questions() Questions { return o.questions(o.cfg.Frames, o.size(), o.input) }

// Questions are transformed frames; what is asked about them here is the transformation alone, for knowing the
// class is no shortcut.
func (o *sla) Questions() Questions {
	q := o.questions(1, o.size(), o.input)
	q.Classes = o.task.M()
	for i, y := range q.Answers {
		if y >= 0 {
			q.Answers[i] = y % q.Classes
		}
	}
	return q
}
