package picture

import (
	"fmt"

	"gocv.io/x/gocv"

	"github.com/nearfar/nearfar/streams/frame"
)

// decodeFast decodes a plain JPEG with OpenCV.
func decodeFast(data []byte, h header, size int) (*frame.Frame, error) {
	flags, by := gocv.IMReadColor, 1
	if size > 0 {
		flags, by = reduced(h.width, h.height, size)
	}
	mat, err := gocv.IMDecode(withoutMetadata(data, h.metadata), flags|gocv.IMReadIgnoreOrientation)
	if err != nil {
		return nil, fmt.Errorf("%w: OpenCV: %w", frame.ErrCorrupt, err)
	}
	defer mat.Close()
	if mat.Empty() {
		return nil, fmt.Errorf("%w: OpenCV cannot decode this JPEG of %d bytes", frame.ErrCorrupt, len(data))
	}
	cols, rows := mat.Cols(), mat.Rows()
	bgr, err := mat.DataPtrUint8()
	if err != nil {
		return nil, fmt.Errorf("reading the decoded pixels: %w", err)
	}
	if cols != (h.width+by-1)/by || rows != (h.height+by-1)/by || len(bgr) != 3*cols*rows {
		return nil, fmt.Errorf("%w: the JPEG's header says %d×%d, OpenCV made %d bytes of %d×%d at 1/%d", frame.ErrCorrupt, h.width, h.height, len(bgr), cols, rows, by)
	}
	w, ht := h.sized(size)
	f := &frame.Frame{Width: w, Height: ht, Pix: make([]byte, 3*w*ht)}
	resample(f.Pix, w, ht, bgr, cols, rows, 2, 0)
	return f, nil
}

// reduced picks the strongest reduction in the DCT domain that leaves at least size pixels each way.
func reduced(width, height, size int) (gocv.IMReadFlag, int) {
	switch short := min(width, height); {
	case short >= 8*size:
		return gocv.IMReadReducedColor8, 8
	case short >= 4*size:
		return gocv.IMReadReducedColor4, 4
	case short >= 2*size:
		return gocv.IMReadReducedColor2, 2
	}
	return gocv.IMReadColor, 1
}

// withoutMetadata leaves EXIF, thumbnails and comments out, so that no parser of theirs ever runs.
func withoutMetadata(data []byte, metadata []span) []byte {
	if len(metadata) == 0 {
		return data
	}
	out, at := make([]byte, 0, len(data)), 0
	for _, s := range metadata {
		out = append(out, data[at:s.from]...)
		at = s.to
	}
	return append(out, data[at:]...)
}
