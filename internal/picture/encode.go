package picture

import (
	"fmt"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/streams/frame"
)

// MaxSide is the longest side a JPEG can have.
const MaxSide = 65500

// JPEG compresses a frame; quality is 1 to 100.
func JPEG(f *frame.Frame, quality int) ([]byte, error) {
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	if quality < 1 || quality > 100 || f.Width > MaxSide || f.Height > MaxSide {
		return nil, fmt.Errorf("compressing frame %d of camera %s: %d×%d at quality %d (sides up to %d, quality 1 to 100)", f.Seq, f.Camera, f.Width, f.Height, quality, MaxSide)
	}
	mat := gocv.NewMatWithSize(f.Height, f.Width, gocv.MatTypeCV8UC3)
	defer mat.Close()
	bgr, err := mat.DataPtrUint8()
	if err != nil {
		return nil, fmt.Errorf("compressing frame %d of camera %s: %w", f.Seq, f.Camera, err)
	}
	for i := 0; i+2 < len(bgr); i += 3 {
		bgr[i], bgr[i+1], bgr[i+2] = f.Pix[i+2], f.Pix[i+1], f.Pix[i]
	}
	buffer, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		return nil, fmt.Errorf("compressing frame %d of camera %s: %w", f.Seq, f.Camera, err)
	}
	defer buffer.Close()
	if buffer.Len() == 0 {
		return nil, fmt.Errorf("compressing frame %d of camera %s: OpenCV made nothing of %d×%d pixels", f.Seq, f.Camera, f.Width, f.Height)
	}
	return append([]byte(nil), buffer.GetBytes()...), nil
}
