package train

import (
	"github.com/nearfar/nearfar/model"
	"github.com/nearfar/nearfar/model/kernel"
	"github.com/nearfar/nearfar/sampler"
	"github.com/nearfar/nearfar/streams/frame"
)

// embedder looks at every frame with the last published weights, a batch at a time.
type embedder struct {
	weights *model.Weights // published: a copy that training does not move
	network *model.Inference
	version string
	waiting []*frame.Frame
	size    int                  // px
	width   int                  // of an embedding
	begin   func() (over func()) // told before it computes
}

func newEmbedder(set Settings, query *model.Weights, begin func() (over func())) (*embedder, error) {
	weights := query.Clone()
	weights.Precision = kernel.F32 // an embedding is the same wherever it is made
	network, err := model.NewInference(weights, set.EmbedBatch, kernel.Eval)
	if err != nil {
		return nil, err
	}
	network.Hold()
	return &embedder{weights: weights, network: network, version: set.version(0), size: set.Model.Image, width: set.Model.Width(), begin: begin}, nil
}

// adopt publishes new weights; nothing may be waiting for the old ones.
func (e *embedder) adopt(query *model.Weights, version string) {
	e.weights.CopyFrom(query)
	e.network.Hold()
	e.version = version
}

// push embeds once a batch is full.
func (e *embedder) push(f *frame.Frame, publish func([]frame.Embedding) error) error {
	e.waiting = append(e.waiting, f)
	if len(e.waiting) < e.network.Batch() {
		return nil
	}
	return e.flush(publish)
}

// flush embeds what waits.
func (e *embedder) flush(publish func([]frame.Embedding) error) error {
	if len(e.waiting) == 0 {
		return nil
	}
	pixels := e.size * e.size * 3
	for i, f := range e.waiting {
		sampler.Plain(e.network.Input()[i*pixels:(i+1)*pixels], f, e.size)
	}
	over := e.begin()
	vectors, err := e.network.Run()
	over()
	if err != nil {
		return err
	}
	out := make([]frame.Embedding, len(e.waiting))
	for i, f := range e.waiting {
		v := append([]float32(nil), vectors[i*e.width:(i+1)*e.width]...)
		out[i] = frame.NewEmbedding(f.Meta, e.version, v)
	}
	clear(e.waiting)
	e.waiting = e.waiting[:0]
	return publish(out)
}
