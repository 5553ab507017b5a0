// Package sinks is where embeddings go. A sink takes each embedding at least once and, if it can, keeps one
// record per id: ids are deterministic, so writing the same embedding twice changes nothing.
package sinks

import (
	"context"

	"github.com/nearfar/nearfar/streams/frame"
)

// Sink takes embeddings. It is used by one goroutine at a time.
type Sink interface {
	// Write returns once the embeddings are with the sink; after an error some may be and the caller
	// writes them again.
	Write(ctx context.Context, es []frame.Embedding) error
	// Close makes what was written lasting and lets go of files and connections.
	Close() error
}
