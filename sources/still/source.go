package still

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// Source is a folder of pictures.
type Source struct {
	cfg           sources.Config
	width, height int // asked for, or 0×0
	scenes        []scene

	mu     sync.Mutex
	health sources.Health
}

var (
	_ sources.Source  = (*Source)(nil)
	_ sources.Healthy = (*Source)(nil)
)

// New lists the folder. Frame n of a scene counts as captured n/FPS after the scene began, and each scene
// begins Gap after the last one ended; both are a function of the listing alone. A folder without pictures
// is an unusable source.
func New(cfg sources.Config) (*Source, error) {
	cfg = cfg.WithDefaults()
	if cfg.Kind != sources.Folder {
		return nil, sources.Unusable(fmt.Errorf("%s: a %s is not a folder of pictures", cfg.From, cfg.Kind))
	}
	s := &Source{cfg: cfg}
	var err error
	if s.width, s.height, err = sources.ParseSize(cfg.Size); err != nil {
		return nil, sources.Unusable(fmt.Errorf("%s: size %w", cfg.From, err))
	}
	if s.scenes, err = list(cfg.From); err != nil {
		return nil, sources.Unusable(err)
	}
	if s.Len() == 0 {
		return nil, sources.Unusable(fmt.Errorf("the folder %s holds no pictures: there is no file ending in .jpg, .jpeg or .png in it or its subfolders", cfg.From))
	}
	return s, nil
}

// Live is false: a folder waits for Kafka.
func (s *Source) Live() bool { return false }

// Len is how many pictures one round has.
func (s *Source) Len() (n int) {
	for _, sc := range s.scenes {
		n += len(sc.paths)
	}
	return n
}

// Scenes is how many folders of pictures there are.
func (s *Source) Scenes() int { return len(s.scenes) }

// Health counts files that could not be read: their frame numbers are missing from the stream.
func (s *Source) Health() sources.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health
	h.Counts = maps.Clone(h.Counts)
	return h
}

// Run streams the pictures, Loop times over.
func (s *Source) Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	period := time.Duration(float64(time.Second) / s.cfg.FPS)
	pacer := sources.NewPacer(s.cfg.Pace)
	var seq uint64
	var pts time.Duration // of the next frame
	var shown time.Duration
	for round := 0; s.cfg.Loop < 0 || round < s.cfg.Loop; round++ {
		for i, sc := range s.scenes {
			if round+i > 0 {
				pts += s.cfg.Gap
			}
			for _, path := range sc.paths {
				if seq >= from {
					if err := pacer.Wait(ctx, shown); err != nil {
						return err
					}
					if err := s.show(path, sc, seq, pts, emit); err != nil {
						return err
					}
				}
				seq, pts, shown = seq+1, pts+period, shown+period
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// show emits one picture. A file that cannot be read is counted and left out: there are no bytes to send.
func (s *Source) show(path string, sc scene, seq uint64, pts time.Duration, emit func(frame.Encoded) error) error {
	data, err := read(path)
	if err != nil {
		s.mu.Lock()
		if s.health.Counts == nil {
			s.health.Counts = map[string]uint64{}
		}
		s.health.Counts["unreadable"]++
		s.health.Err = fmt.Sprintf("frame %d: %v", seq, err)
		s.mu.Unlock()
		return nil
	}
	e := frame.Encoded{
		Meta:        frame.Meta{Camera: s.cfg.Name, Rig: s.cfg.Rig, Seq: seq, PTS: pts, Captured: s.cfg.Start.Add(pts).UTC()},
		ContentType: frame.Sniff(data), Data: data,
	}
	switch s.cfg.Labels {
	case sources.LabelsFolder:
		e.Label = sc.label
	case sources.LabelsTarget:
		e.Label = sc.target
	}
	return emit(s.sized(e))
}

// sized makes the picture as large as it was asked for. One that cannot be decoded goes on as it is, for the
// dead letters to keep: a bad picture is never lost.
func (s *Source) sized(e frame.Encoded) frame.Encoded {
	if s.width == 0 {
		return e
	}
	f, err := picture.Decode(e, 0)
	if err != nil || (f.Width == s.width && f.Height == s.height) {
		return e
	}
	if f, err = picture.Resize(f, s.width, s.height); err != nil {
		return e
	}
	data, err := picture.JPEG(f, s.cfg.Quality)
	if err != nil {
		return e
	}
	e.Data, e.ContentType = data, "image/jpeg"
	return e
}

// read reads a picture file of bearable size.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > picture.MaxBytes || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", path, picture.MaxBytes)
	}
	data, err := os.ReadFile(path)
	if err == nil && len(data) == 0 {
		err = errors.New(path + " is empty")
	}
	return data, err
}
