package picture

import (
	"encoding/binary"
	"fmt"

	"github.com/nearfar/nearfar/streams/frame"
)

const (
	// MaxPixels is the largest picture that is decoded: 67 million pixels, 200 MB as RGB.
	MaxPixels = 64 << 20
	// MaxBytes is the largest compressed picture that is looked at.
	MaxBytes = 256 << 20
)

// Header reads width and height of a JPEG or PNG without decoding it, in time bounded by the number of
// header segments. It refuses what cannot be a picture (frame.ErrNotPicture), what ends inside its own
// header (frame.ErrCorrupt) and what claims more than MaxPixels.
func Header(data []byte) (width, height int, err error) {
	h, err := scan(data)
	return h.width, h.height, err
}

// header is what a picture says of itself before its pixels begin.
type header struct {
	width, height int
	kind          string // image/jpeg or image/png
	components    int    // JPEG: 1 grey, 3 colour, 4 CMYK
	plain         bool   // JPEG: nothing a decoder might read in two ways
	metadata      []span // JPEG: segments with no pixels in them (EXIF, comments, thumbnails)
}

// span is data[from:to].
type span struct{ from, to int }

func scan(data []byte) (header, error) {
	if len(data) > MaxBytes {
		return header{}, fmt.Errorf("%w: %d bytes, more than the %d that are looked at", frame.ErrNotPicture, len(data), MaxBytes)
	}
	var h header
	var err error
	switch kind := frame.Sniff(data); kind {
	case "image/jpeg":
		h, err = scanJPEG(data)
	case "image/png":
		h, err = scanPNG(data)
	default:
		return header{}, fmt.Errorf("%w: %d bytes beginning with % x, neither JPEG nor PNG", frame.ErrNotPicture, len(data), data[:min(4, len(data))])
	}
	if err != nil {
		return header{}, err
	}
	if h.width <= 0 || h.height <= 0 {
		return header{}, fmt.Errorf("%w: its header says %d×%d pixels", frame.ErrCorrupt, h.width, h.height)
	}
	if h.width > MaxPixels/h.height {
		return header{}, fmt.Errorf("%w: its header says %d×%d pixels, more than the %d that are decoded", frame.ErrNotPicture, h.width, h.height, MaxPixels)
	}
	return h, nil
}

func scanPNG(data []byte) (header, error) {
	// 8 bytes signature, 4 length, "IHDR", 4 width, 4 height, 5 more, 4 CRC.
	if len(data) < 33 {
		return header{}, fmt.Errorf("%w: a PNG of %d bytes ends inside its header", frame.ErrCorrupt, len(data))
	}
	if binary.BigEndian.Uint32(data[8:]) != 13 || string(data[12:16]) != "IHDR" {
		return header{}, fmt.Errorf("%w: a PNG that does not begin with IHDR", frame.ErrCorrupt)
	}
	w, h := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	if w > 1<<31-1 || h > 1<<31-1 {
		return header{}, fmt.Errorf("%w: its header says %d×%d pixels", frame.ErrCorrupt, w, h)
	}
	return header{width: int(w), height: int(h), kind: "image/png"}, nil
}

// JPEG markers (ITU-T T.81 table B.1) and those of the segments a decoder needs.
const (
	markerSOF0 = 0xC0 // baseline
	markerSOF2 = 0xC2 // progressive
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerDAC  = 0xCC
	markerRST0 = 0xD0
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDNL  = 0xDC
	markerAPP0 = 0xE0
	markerAPPE = 0xEE // Adobe: which colour transform
	markerCOM  = 0xFE
)

// scanJPEG walks the segments up to the first scan. Between them only fill bytes are accepted: where
// decoders search for the next marker in garbage, each may find another picture.
func scanJPEG(data []byte) (header, error) {
	h := header{kind: "image/jpeg", plain: true}
	short := fmt.Errorf("%w: a JPEG of %d bytes ends inside its header", frame.ErrCorrupt, len(data))
	for at := 2; ; {
		if at >= len(data) {
			return h, short
		}
		if data[at] != 0xFF {
			return h, fmt.Errorf("%w: byte %d of the JPEG is %#02x where a marker belongs", frame.ErrCorrupt, at, data[at])
		}
		from := at
		for at < len(data) && data[at] == 0xFF {
			at++
		}
		if at+3 > len(data) {
			return h, short
		}
		marker := data[at]
		if marker == markerEOI || marker == 0 {
			return h, fmt.Errorf("%w: the JPEG ends before its picture begins", frame.ErrCorrupt)
		}
		if marker == 0x01 || (marker >= markerRST0 && marker < markerEOI) {
			return h, fmt.Errorf("%w: marker %#02x in the JPEG's header", frame.ErrCorrupt, marker)
		}
		length := int(binary.BigEndian.Uint16(data[at+1:]))
		to := at + 1 + length
		if length < 2 {
			return h, fmt.Errorf("%w: a JPEG segment of length %d", frame.ErrCorrupt, length)
		}
		if to > len(data) {
			return h, short
		}
		switch {
		case marker == markerSOS:
			if h.components == 0 {
				return h, fmt.Errorf("%w: the JPEG's picture begins before its size is said", frame.ErrCorrupt)
			}
			return h, nil
		case marker >= markerSOF0 && marker < markerSOF0+16 && marker != markerDHT && marker != markerJPG && marker != markerDAC:
			if length < 8 {
				return h, fmt.Errorf("%w: a JPEG frame header of length %d", frame.ErrCorrupt, length)
			}
			if h.components != 0 {
				return h, fmt.Errorf("%w: a JPEG that says its size twice", frame.ErrCorrupt)
			}
			body := data[at+3 : to]
			h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
			h.components = int(body[5])
			if h.components == 0 {
				return h, fmt.Errorf("%w: a JPEG without colour components", frame.ErrCorrupt)
			}
			eightBit, known := body[0] == 8, marker <= markerSOF2
			h.plain = h.plain && eightBit && known && (h.components == 1 || h.components == 3)
		case marker == markerDNL || marker == markerDAC || marker == markerJPG:
			h.plain = false
		case marker == markerCOM || (marker > markerAPP0 && marker < markerAPP0+16 && marker != markerAPPE):
			h.metadata = append(h.metadata, span{from, to})
		}
		at = to
	}
}
