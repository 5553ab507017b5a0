package sampler

import (
	"fmt"
	"time"

	"github.com/nearfar/nearfar/internal/seed"
	"github.com/nearfar/nearfar/streams/frame"
)

// epoch is when generated footage begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// picture is random pixels.
func picture(n uint64, w, h int) *frame.Frame {
	f := &frame.Frame{Width: w, Height: h, Pix: make([]byte, 3*w*h)}
	r := seed.New(n).Rand(1)
	for i := range f.Pix {
		f.Pix[i] = byte(r.Uint32())
	}
	return f
}

// shot is a frame of a camera at an offset from epoch; its small picture is unlike any other.
func shot(rig, camera string, seq uint64, at time.Duration) *frame.Frame {
	f := picture(seed.New(seq).At(camera).Uint64(), 8, 8)
	f.Meta = frame.Meta{Camera: camera, Rig: rig, Seq: seq, PTS: at, Captured: epoch.Add(at), Label: fmt.Sprintf("%s-%d", camera, seq),
		Ref: frame.Ref{Topic: "frames", Offset: int64(seq)}}
	return f
}

// footage is n frames from each of so many cameras of one rig, 10 per second, 64 px when one camera.
func footage(cameras, n int) []*frame.Frame {
	var fs []*frame.Frame
	for i := range n {
		for c := range cameras {
			f := shot("rig", fmt.Sprintf("cam%d", c), uint64(i), time.Duration(i)*100*time.Millisecond+time.Duration(c)*time.Millisecond)
			if cameras == 1 {
				big := picture(uint64(i), 64, 64)
				f.Width, f.Height, f.Pix = 64, 64, big.Pix
			}
			fs = append(fs, f)
		}
	}
	return fs
}
