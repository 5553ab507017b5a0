package synth

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// Source is one camera of the rig as a source of frames. It never ends.
type Source struct {
	cfg    sources.Config
	camera int
	scene  *Scene
}

// New makes the camera that c.Camera counts, of the scene c describes. Cameras of a rig are made with the
// same c but for Name and Camera; c.Start is when the scene began, the same for all of them.
//
// Frame i shows the scene at i/FPS. Its PTS is that plus the camera's clock skew, and Captured = Start +
// PTS. Since the picture depends on i alone, a source that goes on from frame n sends what an uninterrupted
// one would have sent, its capture times included.
func New(c sources.Config) (*Source, error) {
	c = c.WithDefaults()
	cfg, err := Of(c)
	if err != nil {
		return nil, sources.Unusable(err)
	}
	if c.Start.IsZero() {
		return nil, sources.Unusable(fmt.Errorf("synthetic camera %s: no start is given: the cameras of a rig need the same one", c.Name))
	}
	if c.Camera < 0 || c.Camera >= cfg.Cameras {
		return nil, sources.Unusable(fmt.Errorf("synthetic camera %s: there is no camera %d in a rig of %d", c.Name, c.Camera, cfg.Cameras))
	}
	scene, err := NewScene(cfg)
	if err != nil {
		return nil, sources.Unusable(err)
	}
	return &Source{cfg: c, camera: c.Camera, scene: scene}, nil
}

// Of is the scene a source's configuration describes; what that leaves out has its default. The error
// names all that is wrong with it.
func Of(c sources.Config) (Config, error) {
	cfg := Defaults()
	cfg.Seed = c.Seed
	if c.Cameras != 0 {
		cfg.Cameras = c.Cameras
	}
	if c.Objects != 0 {
		cfg.Objects = c.Objects
	}
	if c.FPS != 0 {
		cfg.FPS = c.FPS
	}
	if c.Size != "" {
		w, h, err := sources.ParseSize(c.Size)
		if err != nil {
			return cfg, fmt.Errorf("synthetic scene: size %w", err)
		}
		cfg.Width, cfg.Height = w, h
	}
	return cfg, cfg.err()
}

// err is what Check reports, in one error; nil where there is nothing.
func (c Config) err() error {
	var wrong []string
	c.Check(func(path, format string, args ...any) {
		wrong = append(wrong, path+" "+fmt.Sprintf(format, args...))
	})
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("synthetic scene: %s", strings.Join(wrong, "; "))
}

// Live says whether frames come whether or not anybody takes them: at realtime pace they do.
func (s *Source) Live() bool { return s.cfg.Live() }

// Run renders frame after frame, at realtime pace each when it is due, until ctx is cancelled or emit fails.
func (s *Source) Run(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	pacer := sources.NewPacer(s.cfg.Pace)
	for i := from; ; i++ {
		at := s.moment(i)
		if err := pacer.Wait(ctx, at); err != nil {
			return err
		}
		e, err := s.Frame(i)
		if err != nil {
			return err
		}
		if err := emit(e); err != nil {
			return err
		}
	}
}

// moment is the scene's time at frame i.
func (s *Source) moment(i uint64) time.Duration {
	return time.Duration(math.Round(float64(i) / s.scene.cfg.FPS * float64(time.Second)))
}

// Frame is frame i as the source sends it.
func (s *Source) Frame(i uint64) (frame.Encoded, error) {
	at := s.moment(i)
	f := s.scene.Render(s.camera, at)
	pts := at + s.scene.Skew(s.camera)
	f.Camera, f.Rig, f.Seq, f.PTS, f.Captured = s.cfg.Name, s.cfg.Rig, i, pts, s.cfg.Start.Add(pts).UTC()
	data, err := picture.JPEG(f, s.cfg.Quality)
	if err != nil {
		return frame.Encoded{}, fmt.Errorf("rendering frame %d of camera %s: %w", i, s.cfg.Name, err)
	}
	return frame.Encoded{Meta: f.Meta, ContentType: "image/jpeg", Data: data}, nil
}
