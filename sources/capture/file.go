package capture

import (
	"context"
	"fmt"
	"time"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/sources"
	"github.com/nearfar/nearfar/streams/frame"
)

// film plays a video file.
type film struct {
	*Source
	emit  func(frame.Encoded) error
	cam   *camera
	thin  *sources.Thinner
	pacer *sources.Pacer
	from  uint64        // first frame wanted
	seq   uint64        // of the next frame that is kept
	pts   time.Duration // when this round began, since Start
	media time.Duration // the same without the pauses between rounds
}

// file plays the video Loop times, with a pause in capture time between the rounds.
func (s *Source) file(ctx context.Context, from uint64, emit func(frame.Encoded) error) error {
	f := film{Source: s, emit: emit, cam: s.camera(), thin: sources.NewThinner(s.cfg.FPS), pacer: sources.NewPacer(s.cfg.Pace), from: from}
	defer f.cam.close()
	for round := 0; s.cfg.Loop < 0 || round < s.cfg.Loop; round++ {
		length, err := f.play(ctx)
		if err != nil {
			return err
		}
		f.pts += length + s.cfg.Gap
		f.media += length
	}
	return nil
}

// play emits every frame of one round, in order, and says how long it was.
func (f *film) play(ctx context.Context) (length time.Duration, err error) {
	v, err := open(f.cfg)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	fps := v.Get(gocv.VideoCaptureFPS)
	if !(fps > 0 && fps <= 1000) {
		fps = 25
	}
	period := time.Duration(float64(time.Second) / fps)
	c := clock{period: period, times: f.times}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if !f.cam.read(v) {
			break
		}
		at, err := c.next(v.Get(gocv.VideoCapturePosMsec))
		if err != nil {
			return 0, sources.Unusable(fmt.Errorf("%s: %w", f.cfg.From, err))
		}
		if !f.thin.Keep(f.pts + at) {
			continue
		}
		seq := f.seq
		f.seq++
		if seq < f.from {
			continue
		}
		if err := f.pacer.Wait(ctx, f.media+at); err != nil {
			return 0, err
		}
		data, _, err := f.cam.shot(f.Source)
		if err != nil {
			return 0, sources.Unusable(fmt.Errorf("%s frame %d: %w", f.cfg.From, seq, err))
		}
		pts := f.pts + at
		e := frame.Encoded{Meta: f.meta(seq, pts, f.cfg.Start.Add(pts)), ContentType: "image/jpeg", Data: data}
		if err := f.emit(e); err != nil {
			return 0, err
		}
	}
	if err := complete(c.frames, c.last, v.Get(gocv.VideoCaptureFrameCount), fps); err != nil {
		return 0, sources.Unusable(fmt.Errorf("reading video %s: %w; see what `ffprobe %s` says, or repair it with `ffmpeg -i %s out.mp4`", f.cfg.From, err, f.cfg.From, f.cfg.From))
	}
	if f.times != nil {
		return f.span + period, nil // the same for every camera of the rig
	}
	return c.last + period, nil
}

// complete tells the end of a video from a failure: OpenCV's read says false for both. The number of frames
// is the container's word, or an estimate from its duration where it has none, so a video is taken for whole
// when it reached either the number or 95 % of the time that number stands for.
func complete(frames int, last time.Duration, count, fps float64) error {
	if frames == 0 {
		return fmt.Errorf("not one frame could be decoded")
	}
	if count <= 0 || count > 1e9 || float64(frames) >= count {
		return nil
	}
	duration := count / fps
	if last.Seconds()+2/fps >= 0.95*duration || count-float64(frames) <= 2 {
		return nil
	}
	return fmt.Errorf("it broke off after %d of about %.0f frames (%v of %.1f s), which were sent", frames, count, last.Round(time.Millisecond), duration)
}

// clock gives each frame of a video its time since the first, or since Start where a CSV says so.
type clock struct {
	period time.Duration
	times  []time.Duration
	frames int
	zero   float64 // ms, the first frame's position
	last   time.Duration
}

// next is the time of the next frame, whose position OpenCV says is ms. Positions that do not go forward,
// as of containers without times, are replaced by the nominal rate.
func (c *clock) next(ms float64) (time.Duration, error) {
	n := c.frames
	c.frames++
	if c.times != nil {
		if n >= len(c.times) {
			return 0, fmt.Errorf("frame %d has no row in the timestamps: there are %d", n, len(c.times))
		}
		c.last = c.times[n]
		return c.last, nil
	}
	if n == 0 {
		c.zero = ms
		return 0, nil
	}
	at := time.Duration((ms - c.zero) * float64(time.Millisecond))
	if at <= c.last || at > c.last+time.Hour {
		at = c.last + c.period
	}
	c.last = at
	return at, nil
}
