// Package look is inference: a checkpoint's encoder shown pictures, for embedding, evaluation and search.
package look

import (
	"fmt"
	"os"
	"slices"

	"github.com/nearfar/nearfar/internal/eval"
	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// batch is how many pictures go through the network together.
const batch = 32

// Encoder turns pictures into embeddings. It wants one operating-system thread: see package model.
type Encoder struct {
	Size  int // px, side of the square it looks at
	Width int // of an embedding
	net   *model.Inference
}

// NewEncoder is the encoder of weights that nobody moves from here on.
func NewEncoder(w *model.Weights) (*Encoder, error) {
	net, err := model.NewInference(w, batch, kernel.Eval)
	if err != nil {
		return nil, err
	}
	net.Hold()
	return &Encoder{Size: w.Spec.Image, Width: w.Spec.Dim(), net: net}, nil
}

// Embed looks at frames of any size and returns (len(frames), Width).
func (e *Encoder) Embed(frames []*frame.Frame) ([]float32, error) {
	pixels := e.Size * e.Size * 3
	images := make([]float32, min(batch, len(frames))*pixels)
	var out []float32
	for part := range slices.Chunk(frames, batch) {
		for i, f := range part {
			small, err := Shrink(f, e.Size)
			if err != nil {
				return nil, err
			}
			sampler.Plain(images[i*pixels:(i+1)*pixels], small, e.Size)
		}
		vectors, err := e.net.Embed(images[:len(part)*pixels])
		if err != nil {
			return nil, err
		}
		out = append(out, vectors...)
	}
	return out, nil
}

// Close frees the network.
func (e *Encoder) Close() error { return e.net.Close() }

// Shrink is the frame at the size the encoder looks at; the same frame if it has that size.
func Shrink(f *frame.Frame, size int) (*frame.Frame, error) {
	if f.Width == size && f.Height == size {
		return f, nil
	}
	return picture.Resize(f, size, size)
}

// Load reads a picture file at the encoder's size.
func Load(path string, size int) (*frame.Frame, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading picture: %w", err)
	}
	f, err := picture.Decode(frame.Encoded{Meta: frame.Meta{Camera: path}, ContentType: frame.Sniff(data), Data: data}, size)
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", path, err)
	}
	return f, nil
}

// Labelled reads every picture of a labelled folder tree, in the order of eval.Images.
func Labelled(dir string, size int) (frames []*frame.Frame, labels []string, err error) {
	images, err := eval.Images(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, im := range images {
		f, err := Load(im.Path, size)
		if err != nil {
			return nil, nil, err
		}
		f.Label = im.Label
		frames, labels = append(frames, f), append(labels, im.Label)
	}
	return frames, labels, nil
}

// Raw is what one has without any network: the pixels themselves, (len(frames), 3·S·S).
func Raw(frames []*frame.Frame) []float32 {
	var out []float32
	for _, f := range frames {
		for _, p := range f.Pix {
			out = append(out, float32(p))
		}
	}
	return out
}
