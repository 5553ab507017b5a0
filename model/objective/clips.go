package objective

import (
	"fmt"

	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// film is what objectives share that look at clips: some clips of as many frames each, clip by clip.
type film struct {
	puzzle
	clips  int
	frames []*frame.Frame // clips × T, time fastest; T is that of the sampler, at least cfg.Frames
	length int            // T
}

// newFilm makes room for clips; shown is how many pictures of each clip the network sees, so that a step
// costs about as much as one of a batch.
func newFilm(c Config, n Needs, w *model.Weights, shown, classes int) film {
	clips := max(2, n.Batch/shown)
	o := film{clips: clips, length: n.Sampler.Clip.Frames}
	o.puzzle = newPuzzle(c, n, w, clips, clips, classes)
	o.frames = make([]*frame.Frame, clips*o.length)
	return o
}

// draw finds clips. False: there are none that are long enough yet.
func (o *film) draw(s *sampler.Sampler, d *sampler.Draw) bool {
	o.drawn, o.ran = d, false
	return s.Clips(d, o.clips, o.use("clips"), o.frames)
}

// clip are the last cfg.Frames frames of a clip.
func (o *film) clip(i int) []*frame.Frame {
	all := o.frames[i*o.length : (i+1)*o.length]
	return all[o.length-o.cfg.Frames:]
}

// strips shows clips as rows of pictures, each with its time in the clip; frames are those of the pictures.
func (o *film) strips(rows, shown int, input []float32, frames []*frame.Frame, title func(clip int) string) []Row {
	var out []Row
	px := o.pixels()
	for i := range min(rows, o.clips) {
		r := Row{Title: title(i)}
		for t := range shown {
			at := (i*shown + t) * px
			r.Pictures = append(r.Pictures, Picture{Pix: input[at : at+px], Size: o.size(), Caption: o.when(i, frames[i*shown+t])})
		}
		out = append(out, r)
	}
	return out
}

// when is how long after the clip's first frame another was captured.
func (o *film) when(i int, f *frame.Frame) string {
	return fmt.Sprintf("%.2f s", f.Captured.Sub(o.clip(i)[0].Captured).Seconds())
}
