package picture

import (
	"bytes"
	"fmt"

	"github.com/nearfar/nearfar/streams/frame"
)

// Decode turns a compressed frame into RGB pixels in Go memory: size×size by area averaging (the aspect is
// squashed on purpose, the whole view counts), or as large as it is when size is 0. Orientation tags are
// ignored: a camera's frames keep the axes of its sensor.
//
// A plain JPEG whose CRC travelled with it (e.Checked) goes through OpenCV, which decodes it at a half,
// quarter or eighth of its size in the DCT domain where that is still large enough. Everything else takes
// Go's strict decoders. Errors name camera and frame and wrap frame.ErrNotPicture or frame.ErrCorrupt.
func Decode(e frame.Encoded, size int) (*frame.Frame, error) {
	f, err := decode(e, size)
	if err != nil {
		return nil, fmt.Errorf("decoding %s frame %d: %w", e.Camera, e.Seq, err)
	}
	f.Meta = e.Meta
	return f, nil
}

func decode(e frame.Encoded, size int) (*frame.Frame, error) {
	if size < 0 || size > 16384 {
		return nil, fmt.Errorf("a size of %d pixels was asked for, 0 to 16384 are possible", size)
	}
	h, err := scan(e.Data)
	if err != nil {
		return nil, err
	}
	if e.Checked && h.kind == "image/jpeg" && h.plain && bytes.HasSuffix(e.Data, []byte{0xFF, markerEOI}) {
		return decodeFast(e.Data, h, size)
	}
	return decodeStrict(e.Data, h, size)
}

// sized is the size of the decoded frame: size×size, or the picture's own.
func (h header) sized(size int) (width, height int) {
	if size == 0 {
		return h.width, h.height
	}
	return size, size
}
