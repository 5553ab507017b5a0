package capture

import (
	"errors"
	"fmt"
	"hash/maphash"
	"image"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/internal/picture"
	"github.com/nearfar/nearfar/sources"
)

// camera compresses the frames of one source. It owns the Mats it is made of.
type camera struct {
	width, height int // asked for, or 0×0
	quality       int
	frame, sized  gocv.Mat
	hash          maphash.Seed
	before        uint64 // hash of the frame before
	seen          bool
}

func (s *Source) camera() *camera {
	return &camera{width: s.width, height: s.height, quality: s.cfg.Quality, frame: gocv.NewMat(), sized: gocv.NewMat(), hash: maphash.MakeSeed()}
}

func (c *camera) close() {
	c.frame.Close()
	c.sized.Close()
}

// read decodes the next frame; false means the end or a failure, which OpenCV does not tell apart.
func (c *camera) read(v *gocv.VideoCapture) bool {
	return v.Read(&c.frame) && !c.frame.Empty()
}

// usable says whether the frame is what the operations below are made for: any other kills the process.
func (c *camera) usable() error {
	if c.frame.Empty() || c.frame.Type() != gocv.MatTypeCV8UC3 {
		return fmt.Errorf("OpenCV gave a frame of type %v, not 8 bit colour", c.frame.Type())
	}
	if c.frame.Cols() > picture.MaxSide || c.frame.Rows() > picture.MaxSide {
		return fmt.Errorf("a frame of %d×%d pixels is too large for a JPEG", c.frame.Cols(), c.frame.Rows())
	}
	return nil
}

// look counts a frame that is the one before again, or has no contrast, and says which: "frozen", "grey" or "".
func (c *camera) look(s *Source) (wrong string, err error) {
	pix, err := c.frame.DataPtrUint8()
	if err != nil {
		return "", fmt.Errorf("reading the pixels: %w", err)
	}
	sum := maphash.Bytes(c.hash, pix)
	frozen := c.seen && sum == c.before
	c.before, c.seen = sum, true
	flat := grey(pix)
	if frozen || flat {
		s.note(func(h *sources.Health) {
			if h.Counts == nil {
				h.Counts = map[string]uint64{}
			}
			if frozen {
				h.Counts["frozen"]++
			}
			if flat {
				h.Counts["grey"]++
			}
		})
	}
	switch {
	case flat:
		return "grey", nil
	case frozen:
		return "frozen", nil
	}
	return "", nil
}

// grey says whether about a thousand bytes sampled evenly over the frame, all of the green channel, differ
// by less than two levels (standard deviation).
func grey(bgr []byte) bool {
	step := 3 * max(1, len(bgr)/3/1021)
	var n, sum, squares float64
	for i := 1; i < len(bgr); i += step {
		v := float64(bgr[i])
		n++
		sum += v
		squares += v * v
	}
	return squares/n-(sum/n)*(sum/n) < 4
}

// jpeg compresses the frame at the size asked for.
func (c *camera) jpeg() ([]byte, error) {
	mat := c.frame
	if c.width > 0 && (mat.Cols() != c.width || mat.Rows() != c.height) {
		how := gocv.InterpolationLinear
		if c.width <= mat.Cols() && c.height <= mat.Rows() {
			how = gocv.InterpolationArea
		}
		gocv.Resize(mat, &c.sized, image.Pt(c.width, c.height), 0, 0, how)
		mat = c.sized
	}
	buffer, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, []int{gocv.IMWriteJpegQuality, c.quality})
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	defer buffer.Close()
	if buffer.Len() == 0 {
		return nil, errors.New("compressing: OpenCV made no JPEG")
	}
	return append([]byte(nil), buffer.GetBytes()...), nil
}

// shot is look and jpeg of the frame just read.
func (c *camera) shot(s *Source) (data []byte, wrong string, err error) {
	if err := c.usable(); err != nil {
		return nil, "", err
	}
	if wrong, err = c.look(s); err != nil {
		return nil, "", err
	}
	data, err = c.jpeg()
	return data, wrong, err
}
