package capture

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// Source is one video file, stream or device.
type Source struct {
	cfg           sources.Config
	width, height int             // asked for, or 0×0
	times         []time.Duration // of each frame of a file since Start, where a CSV gives them
	span          time.Duration   // from Start to the last row of that CSV

	mu     sync.Mutex
	health sources.Health
}

var (
	_ sources.Source  = (*Source)(nil)
	_ sources.Healthy = (*Source)(nil)
)

// New makes a source of a config whose kind is file, url or device; nothing is opened before Run. What no
// second try will cure wraps sources.ErrUnusable.
func New(cfg sources.Config) (*Source, error) {
	cfg = cfg.WithDefaults()
	s := &Source{cfg: cfg}
	switch cfg.Kind {
	case sources.File, sources.URL, sources.Device:
	default:
		return nil, sources.Unusable(fmt.Errorf("%s: a %s is not for the video capture", cfg.From, cfg.Kind))
	}
	var err error
	if s.width, s.height, err = sources.ParseSize(cfg.Size); err != nil {
		return nil, sources.Unusable(fmt.Errorf("%s: size %w", cfg.From, err))
	}
	if cfg.Kind == sources.File && cfg.Timestamps != "" {
		if s.times, s.span, err = sources.ReadTimestamps(cfg.Timestamps, cfg.TimestampsID, cfg.From); err != nil {
			return nil, sources.Unusable(err)
		}
	}
	return s, nil
}

// Live is false for files.
func (s *Source) Live() bool { return s.cfg.Live() }

// Health tells of reconnections, and counts frames that were sent but look wrong: "frozen", the very pixels
// of the frame before, and "grey", without any contrast, which is what a decoder makes of a broken stream.
func (s *Source) Health() sources.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health
	h.Counts = maps.Clone(h.Counts)
	return h
}

// Run captures until the file ends, or for ever.
func (s *Source) Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	if err := prepare(); err != nil {
		return err
	}
	if s.cfg.Kind == sources.File {
		return s.file(ctx, from, emit)
	}
	return s.live(ctx, from, emit)
}

// note changes what Health tells.
func (s *Source) note(f func(*sources.Health)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.health)
}

// meta is what is known of a frame before its pixels.
func (s *Source) meta(seq uint64, pts time.Duration, captured time.Time) frame.Meta {
	return frame.Meta{Camera: s.cfg.Name, Rig: s.cfg.Rig, Seq: seq, PTS: pts, Captured: captured.UTC()}
}
