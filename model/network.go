package model

import "github.com/nearfar/nearfar/model/kernel"

// Inference is an encoder that only looks: images in, embeddings out, through a head if the spec says so. In
// kernel.Eval it uses the running statistics, folded into the convolutions, and treats each image by itself.
type Inference struct {
	input     []float32 // batch·S·S·3
	forward   *Forward
	embedding Reading
	batch     int
	pixels    int // of one image: S·S·3
	width     int
	folds     *kernel.Folds // nil: norms stand by themselves
}

// NewInference builds the graph of a batch of images over live weights: it sees every later change of them,
// until Hold.
func NewInference(w *Weights, batch int, mode kernel.Mode) (*Inference, error) {
	g := NewGraph(w, mode)
	if mode == kernel.Eval {
		g.b.folds = new(kernel.Folds)
	}
	input, x := g.Images("images", batch, w.Spec.Image)
	_, embedding := g.Encode(x)
	if w.Spec.Through != "" {
		embedding = g.Head(w.Spec.Through, embedding)
	}
	n := &Inference{input: input, batch: batch, pixels: w.Spec.Image * w.Spec.Image * 3, width: w.Spec.Dim(), folds: g.b.folds, embedding: g.Read(embedding)}
	var err error
	n.forward, err = g.Forward()
	return n, err
}

// Hold says that the weights rest from here on: in kernel.Eval the next Run folds them, and later ones keep
// what it folded. Weights that have changed want another Hold.
func (n *Inference) Hold() {
	if n.folds != nil {
		n.folds.Hold()
	}
}

// Batch is how many images the graph holds.
func (n *Inference) Batch() int { return n.batch }

// Input is the memory of the next batch, (N, S, S, 3), to be written before Run.
func (n *Inference) Input() []float32 { return n.input }

// Run looks at the images in Input. The result, embeddings (N, width), is a view that the next Run
// overwrites.
func (n *Inference) Run() ([]float32, error) {
	if err := n.forward.Run(); err != nil {
		return nil, err
	}
	return n.embedding.Data(), nil
}

// Embed looks at any number of images (count·S·S·3 numbers) and returns their embeddings (count, width)
// in new memory. The graph must be in kernel.Eval, where the images of a batch do not see each other.
func (n *Inference) Embed(images []float32) ([]float32, error) {
	count := len(images) / n.pixels
	out := make([]float32, 0, count*n.width)
	for at := 0; at < count; at += n.batch {
		m := min(n.batch, count-at)
		copy(n.input, images[at*n.pixels:(at+m)*n.pixels])
		embeddings, err := n.Run()
		if err != nil {
			return nil, err
		}
		out = append(out, embeddings[:m*n.width]...)
	}
	return out, nil
}

// Close frees the graph's machine.
func (n *Inference) Close() error { return n.forward.Close() }
