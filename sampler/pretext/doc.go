// Package pretext paints the pretext tasks: from one view that the sampler has rendered to what the network
// is shown and the right answer, which the picture itself knows.
//
//	view ──┬─ Rotation ─────▶ four turned copies          │ which quarter
//	       ├─ Context ──────▶ two patches                 │ where the second lies
//	       ├─ Jigsaw, Pair ─▶ nine tiles in disorder, two │ which order, which cells
//	       ├─ Inpaint ──────▶ the view with a hole        │ the view
//	       ├─ Colour ───────▶ its lightness               │ bins of its colour
//	       ├─ SplitBrain ───▶ lightness, colour           │ bins of the other
//	       └─ SLA ──────────▶ M transformed copies        │ which transformation
//	clip ──── Order, Arrow ─▶ frames in some order        │ whether time ran so
//
// A view is Size×Size×3 floats, NHWC, RGB, (x/255 − 0.5)/0.25. Painters are pure: they read the view, draw
// from the generator that is handed in, and write into slices that the caller owns; painting allocates
// nothing and changes no state, so goroutines may share a painter. What would let a network answer without looking at
// content is taken away here, and probes.go leaves nothing but that, for evaluation to try.
package pretext
